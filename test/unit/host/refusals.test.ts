import { expect, test } from 'vitest'
import { runHost } from '../../support/run-host.ts'

// What `docker pull` and `docker login` say. Those with an address were reported there; the others are of Docker
// 20.10.24 and 28.5.2 (with containerd's image store), asked here against a registry that answers so.

const digest = `sha256:${'5'.repeat(64)}`
const daemon = 'Error response from daemon: '
const denied = "repository does not exist or may require 'docker login': denied: "
const ecr = '123456789012.dkr.ecr.eu-west-3.amazonaws.com'

/** The reference as containerd repeats it, then what it met. */
const unresolved = (image: string, cause: string): string =>
  `failed to resolve reference "${image}@${digest}": ${cause}`
const answered = (image: string, status: string): string => {
  const [host = '', ...path] = image.split('/')
  const url = `https://${host}/v2/${path.join('/')}/manifests/${digest}`
  return unresolved(image, `unexpected status from HEAD request to ${url}: ${status}`)
}

const rows: readonly (readonly [image: string, text: string, reason: string])[] = [
  // Docker Hub
  [
    'acme/shop',
    `${daemon}pull access denied for acme/shop, ${denied}requested access to the resource is denied`,
    'registry_unauthorized',
  ],
  [
    'acme/shop',
    `${daemon}pull access denied for acme/shop, repository does not exist or may require 'docker login'`,
    'registry_unauthorized',
  ],
  // https://github.com/rexray/rexray/issues/1379
  [
    'acme/shop',
    `${daemon}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
    'registry_unauthorized',
  ],
  [
    'acme/shop',
    `${daemon}Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password`,
    'registry_unauthorized',
  ],
  [
    'acme/shop',
    `${daemon}toomanyrequests: You have reached your unauthenticated pull rate limit.`,
    'pull_failed',
  ],
  [
    'acme/shop',
    `${daemon}unknown: ${answered('docker.io/acme/shop', '429 Too Many Requests')}`,
    'pull_failed',
  ],
  // https://github.com/router-for-me/CLIProxyAPI/issues/2668
  [
    'acme/shop',
    `${daemon}${unresolved('docker.io/acme/shop', 'failed to authorize: failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Aacme%2Fshop%3Apull&service=registry.docker.io": EOF')}`,
    'pull_failed',
  ],
  // https://github.com/docker-library/tomcat/issues/321
  [
    'acme/shop',
    `${daemon}failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`,
    'registry_unauthorized',
  ],
  // GHCR. https://github.com/riverqueue/riverui/issues/182
  [
    'ghcr.io/acme/shop',
    `${daemon}Head "https://ghcr.io/v2/acme/shop/manifests/${digest}": denied: denied`,
    'registry_unauthorized',
  ],
  // https://github.com/LeoMartinDev/voy/issues/3
  [
    'ghcr.io/acme/shop',
    `${daemon}unknown: ${answered('ghcr.io/acme/shop', '403 Forbidden')}`,
    'registry_unauthorized',
  ],
  // https://github.com/ogham-mcp/ogham-mcp/issues/5
  [
    'ghcr.io/acme/shop',
    `${daemon}error from registry: unauthorized\nunauthorized`,
    'registry_unauthorized',
  ],
  ['ghcr.io/acme/shop', `${daemon}error from registry: denied\ndenied`, 'registry_unauthorized'],
  // Amazon ECR. https://github.com/causify-ai/helpers/issues/20
  [
    `${ecr}/shop`,
    `${daemon}pull access denied for ${ecr}/shop, ${denied}Your authorization token has expired. Reauthenticate and try again.`,
    'registry_unauthorized',
  ],
  [
    `${ecr}/shop`,
    `${daemon}unknown: ${answered(`${ecr}/shop`, '403 Forbidden')}`,
    'registry_unauthorized',
  ],
  // https://github.com/awslabs/amazon-ecr-credential-helper/issues/7
  [
    `${ecr}/shop`,
    `${daemon}error parsing HTTP 403 response body: invalid character 'Y' looking for beginning of value: "Your Authorization Token has expired."`,
    'registry_unauthorized',
  ],
  // https://github.com/aws-samples/amazon-ecs-firelens-examples/issues/28
  [
    `${ecr}/shop`,
    `${daemon}Get https://${ecr}/v2/shop/manifests/${digest}: no basic auth credentials`,
    'registry_unauthorized',
  ],
  // https://github.com/httptoolkit/docker-registry-facade/issues/2
  [
    `${ecr}/shop`,
    `${daemon}${unresolved(`${ecr}/shop`, 'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials')}`,
    'registry_unauthorized',
  ],
  // https://github.com/aws/aws-cli/issues/5317
  [
    `${ecr}/shop`,
    `${daemon}login attempt to https://${ecr}/v2/ failed with status: 400 Bad Request`,
    'registry_unauthorized',
  ],
  [
    `${ecr}/shop`,
    `${daemon}repository ${ecr}/shop not found: name unknown: The repository with name 'shop' does not exist in the registry with id '123456789012'`,
    'image_gone',
  ],
  [
    `${ecr}/shop`,
    `${daemon}manifest for ${ecr}/shop@${digest} not found: manifest unknown: Requested image not found`,
    'image_gone',
  ],
  // GitLab. https://github.com/getwud/wud/issues/600, https://github.com/microsoft/vscode-docker/issues/2236
  [
    'registry.gitlab.com/acme/shop',
    `${daemon}Head "https://registry.gitlab.com/v2/acme/shop/manifests/${digest}": denied: access forbidden`,
    'registry_unauthorized',
  ],
  [
    'registry.gitlab.com/acme/shop',
    `${daemon}error from registry: access forbidden`,
    'registry_unauthorized',
  ],
  [
    'registry.gitlab.com/acme/shop',
    `${daemon}Get https://registry.gitlab.com/v2/: denied: access forbidden`,
    'registry_unauthorized',
  ],
  // Gone
  ['localhost:5000/shop', `${daemon}manifest unknown`, 'image_gone'],
  ['localhost:5000/shop', `${daemon}name unknown`, 'image_gone'],
  [
    'localhost:5000/shop',
    `${daemon}${unresolved('localhost:5000/shop', `localhost:5000/shop@${digest}: not found`)}`,
    'image_gone',
  ],
  // Another architecture
  [
    'acme/shop',
    'no matching manifest for linux/amd64 in the manifest list entries',
    'platform_missing',
  ],
  // https://github.com/link-assistant/hive-mind/issues/962
  [
    'acme/shop',
    `${daemon}no matching manifest for linux/arm64/v8 in the manifest list entries: no match for platform in manifest: not found`,
    'platform_missing',
  ],
  // The disk. https://github.com/rancher-sandbox/rancher-desktop/issues/9754, https://github.com/Kaggle/docker-python/issues/19
  [
    'acme/shop',
    `failed to extract layer (application/vnd.oci.image.layer.v1.tar+gzip ${digest}) to overlayfs as "extract-922993197-urjs ${digest}": write /var/lib/docker/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/94/fs/usr/lib/libcairo.so: no space left on device`,
    'disk_full',
  ],
  [
    'acme/shop',
    'failed to register layer: ApplyLayer exit status 1 stdout:  stderr: write /usr/local/lib/opencv.gch: no space left on device',
    'disk_full',
  ],
  // Neither the registry nor the image
  // https://github.com/rancher-sandbox/rancher-desktop/issues/9516
  [
    'acme/shop',
    'error getting credentials - err: exec: "docker-credential-ecr-login": executable file not found in $PATH, out: ``',
    'pull_failed',
  ],
  [
    'acme/shop',
    'Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info": dial unix /var/run/docker.sock: connect: permission denied',
    'pull_failed',
  ],
  [
    'acme/shop',
    `${daemon}failed to prepare extraction snapshot "extract-1 ${digest}": parent snapshot ${digest} does not exist: not found`,
    'pull_failed',
  ],
  [
    'nowhere.example/shop',
    `${daemon}${unresolved('nowhere.example/shop', `failed to do request: Head "https://nowhere.example/v2/shop/manifests/${digest}": dial tcp: lookup nowhere.example: no such host`)}`,
    'pull_failed',
  ],
  [
    'nowhere.example/shop',
    `${daemon}unknown: ${answered('nowhere.example/shop', '503 Service Unavailable')}`,
    'pull_failed',
  ],
  [
    'nowhere.example/shop',
    `${daemon}received unexpected HTTP status: 500 Internal Server Error`,
    'pull_failed',
  ],
  // Names that contain such words
  [
    'nowhere.example/unauthorized/no-match-forbidden',
    `${daemon}Get "https://nowhere.example/v2/unauthorized/no-match-forbidden/manifests/${digest}": EOF`,
    'pull_failed',
  ],
]

const refuse = (image: string, text: string): readonly string[] => {
  const script = String.raw`fail() { printf '%s\n%s\n' "$1" "$2"; }; fail_pull "$1" 1 "$2"`
  return runHost(['image'], script, [text, `${image}@${digest}`])
}

/** With the end of the text, where the cause is. */
const titled = rows.map(([image, text, reason]) => [text.slice(-90), reason, image, text] as const)

test.each(titled)('"…%s" ends as %s', (_, reason, image, text) => {
  expect(refuse(image, text)[0]).toBe(reason)
})

test('a pull that ends without a word says with which code it ended', () => {
  expect(refuse('acme/shop', '')).toEqual(['pull_failed', 'docker ended with code 1'])
})

test('the cause of a failed pull is in its message, however long the name of the image is', () => {
  const image = `${ecr}/${'a-long-name-of-a-team/'.repeat(5)}shop`
  const [, message = ''] = refuse(image, `${daemon}unknown: ${answered(image, '403 Forbidden')}`)
  expect(message).toMatch(/^unknown: failed to resolve reference .*: 403 Forbidden$/)
  expect(message).not.toContain('5555')
  expect(message.length).toBeLessThanOrEqual(300)
})
