import type { Stack } from '../stack/stack.ts'
import type { Act } from './act.ts'
import type { Screen } from './screen.ts'

/** What is done with the stack once all acts were played, before it is stopped. */
export type Stay = (stack: Stack, acts: readonly Act[]) => Promise<void>

/** Plays all acts at one kind of target; everything it keeps goes into the directory. */
export type Play = (screen: Screen, directory: string, stay: Stay) => Promise<readonly Act[]>

export const playInOrder = async <Scene extends { readonly screen: Screen }>(
  acts: readonly ((scene: Scene) => Promise<Act>)[],
  scene: Scene,
): Promise<readonly Act[]> => {
  const played: Act[] = []
  for (const next of acts) {
    const act = await next(scene)
    scene.screen.showEnd(act)
    played.push(act)
  }
  return played
}

/** What the demo's app is wherever it runs. */
export const toDemoApp = (registry: string) => ({
  repository: 'acme/demo-shop',
  branch: 'main',
  image: `${registry}/acme/demo-shop`,
  tag: '{commit}',
  environment: 'demo',
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  env: { DEBUG: 'False' },
  secrets: 'landfall/local/demo-shop',
})
