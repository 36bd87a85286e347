// force timezone to UTC, so that tests are the same everywhere
process.env.TZ = 'UTC'

module.exports = { ...require('./.config/jest.config') }
