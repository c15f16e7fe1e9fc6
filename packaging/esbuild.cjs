// serverless-esbuild takes only CommonJS as its configuration; what it gets stands in esbuild.ts.
const { require: load } = require('tsx/cjs/api')

module.exports = () => load('./esbuild.ts', __filename).bundleOptionsForPackaging()
