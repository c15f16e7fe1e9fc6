import { expect, test } from 'vitest'
import { toProxyReference } from '../../../../src/targets/ec2/proxy-image.ts'
import { renderSettings } from '../../../../src/targets/ec2/settings.ts'
import { instanceAt, start } from '../../../support/deployments.ts'
import { orderOf, proxyImage, readSettings } from '../../../support/ec2-ports.ts'
import { commitAt, digestAt, ec2 } from '../../../support/examples.ts'

const stage = { subnet: '172.30.77.0/24', proxyImage: toProxyReference(proxyImage) }
const render = (order = orderOf(), settings = ec2(), imageMegabytes: number | null = null) =>
  renderSettings({ ...order, imageMegabytes }, settings, stage)
const rendered = (...given: Parameters<typeof render>) => readSettings(render(...given))

test('renders settings as NUL-terminated name=value entries in base64', () => {
  expect(rendered()).toEqual([
    'format=1',
    'kind=deploy',
    'strategy=blue-green',
    'timeout=525',
    `proxyImage=docker.io/library/haproxy@${digestAt(32)}`,
    'subnet=172.30.77.0/24',
    `numbered=${Date.parse(start)}`,
    'image=acme/oc-lettings',
    `digest=${digestAt(7)}`,
    `commit=${commitAt(7)}`,
    'environment=production',
    'port=8000',
    'publishAddress=',
    'publishPort=80',
    'host=lettings.example.com',
    'pidsLimit=1024',
    'metadata=block',
    'stopTimeout=30',
    'hold=30',
    'drain=5',
    'keep=5',
    'healthPath=/',
    'healthHost=lettings.example.com',
    'healthFrom=200',
    'healthTo=299',
    'healthScheme=http',
    'healthInterval=0.3',
    'healthTimes=2',
    'healthTimeout=120',
    'grace=1',
  ])
  expect(Buffer.from(render(), 'base64').at(-1)).toBe(0)
})

test('renders how much disk the image takes, if known', () => {
  expect(rendered()).not.toContainEqual(expect.stringMatching(/^imageMegabytes=/))
  expect(rendered(orderOf(), ec2(), 900)).toContain('imageMegabytes=900')
})

test('renders any bytes of a value, and repeats the name for a list', () => {
  const run = {
    command: ['sh', '-c', 'a=1\nb "é"'],
    volumes: ['data:/data'],
    networks: ['one', 'two'],
    capAdd: ['NET_RAW'],
    newPrivileges: true,
    pidsLimit: 4096,
    memory: '512m',
    user: '1000:1000',
    extraHosts: ['db:10.0.0.5'],
    shmSize: '256m',
    init: false,
    stopTimeoutSeconds: 5,
  }
  const entries = rendered(
    orderOf(),
    ec2({ run, replaces: 'old', acceptedLosses: ['env DEBUG'], hosts: [] }),
  )
  expect(entries).toEqual(
    expect.arrayContaining([
      'command=sh',
      'command=-c',
      'command=a=1\nb "é"',
      'volume=data:/data',
      'network=one',
      'network=two',
      'capAdd=NET_RAW',
      'newPrivileges=true',
      'pidsLimit=4096',
      'memory=512m',
      'user=1000:1000',
      'extraHost=db:10.0.0.5',
      'shmSize=256m',
      'init=false',
      'replaces=old',
      'without=env DEBUG',
      'stopTimeout=5',
    ]),
  )
  expect(entries.filter((entry) => entry.startsWith('host='))).toEqual([])
})

test('renders predeploy only for the instance that runs it', () => {
  const entries = rendered(orderOf({ predeployOn: instanceAt(1) }))
  expect(entries.slice(-3)).toEqual([
    'predeploy=python',
    'predeploy=manage.py',
    'predeploy=migrate',
  ])
  expect(rendered().some((entry) => entry.startsWith('predeploy'))).toBe(false)
})

test("renders that predeploy takes the place of the image's ENTRYPOINT only where it does", () => {
  expect(rendered()).not.toContain('entrypoint=none')
  expect(rendered(orderOf(), ec2({ predeployEntrypoint: false }))).toContain('entrypoint=none')
})

test('renders no port and no published address for a worker', () => {
  const worker = ec2({ strategy: 'worker', port: null, publish: null, hosts: [] })
  const names = rendered(orderOf(), worker).map((entry) => entry.split('=')[0])
  expect(names).not.toContain('port')
  expect(names).not.toContain('publishPort')
})

test('renders no digest for a restore to no release', () => {
  const entries = rendered(orderOf({ purpose: 'restore', release: null }))
  expect(entries).toEqual(expect.arrayContaining(['digest=', 'commit=']))
})
