/** Codes of Node and of PostgreSQL (classes 08, 53, 57P) for a database that cannot be reached or is going down. */
const outageCodes =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|08...|53...|57P0[1-4]|57014|55P03)$/

/** What the client of PostgreSQL says in words only. */
const outageWords =
  /Connection terminated|is not queryable|timeout exceeded when trying to connect|Query read timeout|SQLITE_BUSY|database is locked/

/** Whether the error of a query means that the database does not answer now, and nothing worse. */
export const isOutage = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && typeof error.code === 'string' && outageCodes.test(error.code)) ||
    outageWords.test(error.message))
