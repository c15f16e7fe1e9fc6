import * as z from 'zod'

/**
 * A name that others write in several ways, of which only this form ever matches. The error of another one ends in the
 * form that is meant, where that can be told.
 */
export const nameLike = (
  expectation: string,
  pattern: RegExp,
  respell: (written: string) => string,
) =>
  z.string({ error: expectation }).regex(pattern, {
    error: ({ input }) => {
      const meant = typeof input === 'string' ? respell(input) : ''
      return pattern.test(meant) ? `${expectation}: here ${meant}` : expectation
    },
  })

/** `refs/heads/main` is how Git and the events write it. */
export const BranchName = nameLike(
  'the name of a branch',
  /^(?!refs\/)[^\s~^:?*[\\]{1,255}$/,
  (written) => written.replace(/^refs\/(?:heads|remotes\/[^/]+)\//, ''),
)

/** The address of its page, or one that Git clones from. */
const toRepositoryName = (written: string): string => {
  const [, path = ''] =
    /^(?:\w+:\/\/)?(?:[^@/]+@)?(?:www\.)?github\.com[/:](.+)$/i.exec(written) ?? []
  const [owner, name = ''] = (path === '' ? written : path).split('/')
  return `${owner}/${name.replace(/\.git$/i, '')}`
}

/** In any case of letters, which GitHub ignores. An owner has no dot, so no host is one. */
export const RepositoryName = nameLike(
  'a repository on GitHub, such as acme/oc-lettings',
  /^[\w-]+\/(?!\.{1,2}$|[\w.-]*\.[gG][iI][tT]$)[\w.-]+$/,
  toRepositoryName,
)

/** The address of its page at Docker Hub, GitHub, Quay or Amazon's gallery, or with a scheme, a tag or capitals. */
const toImageName = (written: string): string => {
  const address = written
    .replace(/^https?:\/\//i, '')
    .replace(/^(?:(?:hub|www)\.)?docker\.com\/(?:(?:r|u|_|layers|repository\/docker)\/)?/i, '')
    .replace(/^github\.com\/([^/]+)\/[^/]+\/pkgs\/container\//i, 'ghcr.io/$1/')
    .replace(/^quay\.io\/repository\//i, 'quay.io/')
    .replace(/^gallery\.ecr\.aws\//i, 'public.ecr.aws/')
    .replace(/\/(?:tags|general)?\/?$/, '')
    .replace(/@sha256:.*$/, '')
    .replace(/:[^/]*$/, '')
  return address.toLowerCase()
}

/** `[registry[:port]/]path`, without tag and digest. Only the host of a registry may have capitals. */
export const ImageName = nameLike(
  'an image without its tag, such as acme/oc-lettings or registry.example:5000/name (the tag goes to "tag")',
  /^(?=.{1,255}$)(?!(?:(?:hub|www)\.)?docker\.com\/|github\.com\/|quay\.io\/repository\/|gallery\.ecr\.aws\/)(?:(?=[^/]*[.:]|localhost\/)[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/,
  toImageName,
).refine(
  (image) => !/^[^/]*[.:][^/]*\//.test(image) || URL.canParse(`https://${image.split('/')[0]}`),
  { error: 'an image whose registry is a host name and a port' },
)
