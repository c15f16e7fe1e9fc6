import type { AppName, Generation } from '../kernel/id.ts'

/** The address of an app's page, or of one of its deployments. */
export type ToPageUrl = (app: AppName, generation: Generation | null) => string

/**
 * In `<api>/app/oc-lettings/42` there is nothing that opens the page: whoever follows it signs in there.
 *
 * @param apiUrl without a slash at its end
 */
export const createPageUrl =
  (apiUrl: string): ToPageUrl =>
  (app, generation) =>
    `${apiUrl}/app/${app}${generation === null ? '' : `/${generation}`}`
