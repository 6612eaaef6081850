/**
 * The settings of the alert page: how it is registered as a SMART app, and what it says.
 */
import { z } from 'zod';
import type { Connection } from '../connections/connection.ts';
import { keyAt, SecretSource, SecretSources, secretAt } from '../connections/secret-source.ts';
import { isTimeZone } from '../vocabulary/instant.ts';
import type { AlertPageSettings } from './desk.ts';
import type { SmartApp } from './smart-server.ts';

const Address = z.url({ protocol: /^https?$/ });

/** The page as the FHIR server of a connection knows it. */
const AppFile = z.strictObject({
  connection: z.string(),
  iss: Address.optional(),
  clientId: z.string().min(1),
  secretFrom: SecretSource.optional(),
  keysFrom: SecretSources.optional(),
  frameAncestors: z.array(Address).default([]),
});
type AppFile = z.infer<typeof AppFile>;

export const AlertPageFile = z.strictObject({
  timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/London').optional(),
  help: z.string().min(1).max(200).optional(),
  apps: z.array(AppFile).default([]),
});

export interface SettingsAround {
  readonly connections: readonly Connection[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes every wrong setting in words. */
  readonly problems: string[];
}

/** Everything but the time zone, which the whole service has a say in. */
export function alertPageSettings(
  file: z.infer<typeof AlertPageFile> | undefined,
  around: SettingsAround,
): Omit<AlertPageSettings, 'timeZone'> {
  const apps = (file?.apps ?? []).map((app, index) => smartAppOf(app, `alertPage.apps.${index}`, around));
  return { apps, ...(file?.help && { help: file.help }) };
}

function smartAppOf(file: AppFile, where: string, { connections, env, problems }: SettingsAround): SmartApp {
  const connection = connections.find(({ id }) => id === file.connection);
  if (connection === undefined)
    problems.push(`${where}.connection: there is no connection ${file.connection}`);
  if (file.secretFrom !== undefined && file.keysFrom !== undefined)
    problems.push(`${where}: names a secret and keys; one of them proves the client`);
  return {
    connectionId: file.connection,
    iss: (file.iss ?? connection?.base ?? '').replace(/\/+$/, ''),
    clientId: file.clientId,
    proof: proofOf(file, where, env, problems),
    frameAncestors: file.frameAncestors.map((address) => new URL(address).origin),
  };
}

function proofOf(
  { keysFrom, secretFrom }: AppFile,
  where: string,
  env: NodeJS.ProcessEnv,
  problems: string[],
): SmartApp['proof'] {
  if (keysFrom !== undefined) {
    const keys = keysFrom.flatMap((source) => keyAt(source, env, problems, `${where}.keysFrom`) ?? []);
    return { type: 'keys', keys };
  }
  if (secretFrom === undefined) return { type: 'none' };
  return { type: 'secret', secret: secretAt(secretFrom, env, problems, `${where}.secretFrom`, 0) };
}
