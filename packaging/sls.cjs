// serverless.yml takes only CommonJS by `${file(…):…}`; what it gets stands in template.ts.
const { require: load } = require('tsx/cjs/api')

module.exports = async ({ resolveVariable }) =>
  load('./template.ts', __filename).templatePartsForPackaging(await resolveVariable('sls:stage'))
