// Forgets all modules, the package among them.
exports.loadAgain = async () => {
  for (const file of Object.keys(require.cache)) delete require.cache[file]
  return require('./shop.js')
}
