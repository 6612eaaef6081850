/** Jest runs the TypeScript files as Node does: no transform, ES modules. */
export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'json', 'node'],
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  testTimeout: 90_000,
  // Half of most tests' time is spent in a database, a FHIR server or a browser beside them.
  maxWorkers: '100%',
};
