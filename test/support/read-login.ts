import { createReadLogin } from '../../src/registry/login.ts'
import type { ReadSecret } from '../../src/secrets/app-secret.ts'

/** For images that are not at Amazon ECR. */
export const readLoginOf = (readSecret: ReadSecret) =>
  createReadLogin(readSecret, () => Promise.reject(new TypeError('no image is at ECR')))
