// The registries of docs/registries.md: a test plays the login of each, and another holds the page against this list.

/** What stood in the registry's place, from the most to the least like it. */
export const triedAgainst = {
  real: "a real registry, Debian's `docker-registry`",
  front: 'a real registry behind a front with its host name, TLS, login and refusals',
  played: 'its challenge, as its clients quote it, played by a test',
} as const

export interface KnownRegistry {
  readonly name: string
  /** As landfall.yml names it. */
  readonly image: string
  /** `WWW-Authenticate` of its 401, without service and scope. */
  readonly challenge: string
  /** The setting `realm` that it needs; null: none. */
  readonly realm: string | null
  /** How Landfall hears of a push by itself; null: it asks when CI is green. */
  readonly push: 'webhook' | 'event' | null
  readonly tried: keyof typeof triedAgainst
  /** What shows that, by its file and title. */
  readonly test: readonly [file: string, title: string]
}

const played = [
  'test/unit/registry/registries.test.ts',
  'a private image at %s is found with a login',
] as const
const real = 'test/end-to-end/registry.test.ts'
const bearer = (realm: string): string => `Bearer realm="${realm}"`

export const registries: readonly KnownRegistry[] = [
  {
    name: 'Docker Hub',
    image: 'acme/shop',
    challenge: bearer('https://auth.docker.io/token'),
    realm: null,
    push: 'webhook',
    tried: 'played',
    test: played,
  },
  {
    name: 'GitHub (GHCR)',
    image: 'ghcr.io/acme/shop',
    challenge: bearer('https://ghcr.io/token'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'gitlab.com',
    image: 'registry.gitlab.com/acme/shop',
    challenge: bearer('https://gitlab.com/jwt/auth'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'GitLab of your own, on a port of its host',
    image: 'gitlab.example.com:5050/acme/shop',
    challenge: bearer('https://gitlab.example.com/jwt/auth'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'GitLab of your own, on another host',
    image: 'registry.example.com/acme/shop',
    challenge: bearer('https://gitlab.example.com/jwt/auth'),
    realm: 'https://gitlab.example.com/jwt/auth',
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'Amazon ECR',
    image: '123456789012.dkr.ecr.eu-west-3.amazonaws.com/acme/shop',
    challenge: 'Basic realm="https://123456789012.dkr.ecr.eu-west-3.amazonaws.com/"',
    realm: null,
    push: 'event',
    tried: 'front',
    test: [
      real,
      'deploys an image at Amazon ECR by the role of the functions, with a new token for each deployment',
    ],
  },
  {
    name: 'Azure',
    image: 'acme.azurecr.io/shop',
    challenge: bearer('https://acme.azurecr.io/oauth2/token'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'Google Artifact Registry',
    image: 'europe-west1-docker.pkg.dev/acme/web/shop',
    challenge: bearer('https://europe-west1-docker.pkg.dev/v2/token'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'Quay',
    image: 'quay.io/acme/shop',
    challenge: bearer('https://quay.io/v2/auth'),
    realm: null,
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'DigitalOcean',
    image: 'registry.digitalocean.com/acme/shop',
    challenge: bearer('https://api.digitalocean.com/v2/registry/auth'),
    realm: 'https://api.digitalocean.com/v2/registry/auth',
    push: null,
    tried: 'played',
    test: played,
  },
  {
    name: 'any other, with a password',
    image: 'registry.example.com:5000/shop',
    challenge: 'Basic realm="registry"',
    realm: null,
    push: null,
    tried: 'real',
    test: [real, 'logs in to a private registry with a password'],
  },
  {
    name: 'any other, with a token service elsewhere',
    image: 'registry.example.com/shop',
    challenge: bearer('https://auth.example.org/token'),
    realm: 'https://auth.example.org/token',
    push: null,
    tried: 'real',
    test: [real, 'logs in to a private registry with a token'],
  },
]
