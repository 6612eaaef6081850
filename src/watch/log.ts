/**
 * Structured logs without patient data.
 *
 * Why a list of fields: objects and errors carry names, results and URLs. Only what is listed here can be
 * passed, so a log line can not leak what nobody meant to write. A patient is a keyed hash, the same within
 * one run of the service.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { pino } from 'pino';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** Everything that may stand in a log line. */
export interface LogFields {
  readonly connection?: string;
  /** From `patientKey`. */
  readonly patient?: string;
  readonly events?: number;
  readonly ms?: number;
  /** A short code of ours or a standard one, never a message from elsewhere. */
  readonly code?: string;
  readonly attempt?: number;
  /** From `whereOf`. */
  readonly where?: string;
  readonly rule?: string;
  readonly tier?: string;
  readonly change?: string;
  readonly status?: number;
  readonly outcome?: string;
  readonly port?: number;
  readonly role?: string;
  readonly correlation?: string;
  readonly form?: string;
  readonly ruleSet?: string;
  readonly rules?: number;
  readonly store?: string;
  readonly version?: string;
}

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** 16 hex digits that stand for a patient of a connection in this run. */
  patientKey(connection: string, patient: string): string;
}

/** Lines of JSON on a stream; nothing at all when silent. */
export function openLog(level: LogLevel, destination: { write(line: string): void }): Log {
  const lines = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const key = randomBytes(32);
  return {
    error: (message, fields = {}) => lines.error(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    info: (message, fields = {}) => lines.info(fields, message),
    debug: (message, fields = {}) => lines.debug(fields, message),
    patientKey: (connection, patient) =>
      createHmac('sha256', key).update(`${connection}|${patient}`).digest('hex').slice(0, 16),
  };
}

/** Name of an error and the lines of ours it came from, innermost first. Its message is left out: it may quote data. */
export function whereOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no error';
  const lines = [...(error.stack ?? '').matchAll(/src\/([\w./-]+\.ts:\d+):\d+/g)].map(([, line]) => line);
  return [error.constructor.name, ...lines.slice(0, 3)].join(' ');
}
