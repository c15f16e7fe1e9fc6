import {
  HerokuDeploy,
  HerokuRelease,
  type HerokuPlace,
  type HerokuRecords,
} from '../targets/heroku/record.ts'
import { isOurs, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

export const createHerokuRecords = (table: JournalTable): HerokuRecords => ({
  loadDeploy: async ({ app, process }: HerokuPlace) => {
    const key = itemKey.herokuDeploy(app, process)
    const item = await readItem(table, key)
    return item === null ? null : parseItem(HerokuDeploy, key, item)
  },

  writeDeploy: ({ app, process }, deploy) => {
    const item = {
      ...itemKey.herokuDeploy(app, process),
      schemaVersion,
      ...deploy,
      expiresAt: expiresAt(deploy.at, 'herokuDeploy'),
    }
    return putItem(table, item, {
      ConditionExpression: `${isOurs} AND (attribute_not_exists(pk) OR writes = :before)`,
      ExpressionAttributeValues: { ':schemaVersion': schemaVersion, ':before': deploy.writes - 1 },
    })
  },

  loadRelease: async ({ app, process }, { generation, digest }) => {
    const key = itemKey.herokuRelease(app, process, generation)
    const item = await readItem(table, key)
    const release = item === null ? null : parseItem(HerokuRelease, key, item)
    return release?.digest === digest ? release : null
  },

  recordRelease: async ({ app, process }, release) => {
    await putItem(table, {
      ...itemKey.herokuRelease(app, process, release.generation),
      schemaVersion,
      ...release,
      expiresAt: expiresAt(release.at, 'herokuRelease'),
    })
  },
})
