import type { Program } from '../../local/docker/packages.ts'

const toModule = (name: string, packaged: string): Program => ({
  name,
  package: packaged,
  path: `/usr/lib/python3/dist-packages/${name}`,
})

/** What the tests of `examples/django` need: Debian's Django and its companions. */
export const djangoPrograms: readonly Program[] = [
  { name: 'git', package: 'git' },
  { name: 'python3', package: 'python3', path: '/usr/bin/python3' },
  { name: 'gunicorn', package: 'gunicorn', path: '/usr/bin/gunicorn' },
  { name: 'flake8', package: 'flake8', path: '/usr/bin/flake8' },
  { name: 'pytest', package: 'python3-pytest', path: '/usr/bin/pytest' },
  toModule('django', 'python3-django'),
  toModule('dj_database_url.py', 'python3-dj-database-url'),
  toModule('psycopg2', 'python3-psycopg2'),
  toModule('pytest_cov', 'python3-pytest-cov'),
  toModule('pytest_django', 'python3-pytest-django'),
  toModule('sentry_sdk', 'python3-sentry-sdk'),
  toModule('whitenoise', 'python3-whitenoise'),
]
