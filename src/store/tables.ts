/**
 * The tables together, for kysely's types. Each table's row and queries are in the file of its name.
 */
import type { Kysely, Transaction } from 'kysely';
import type { AnswerTable } from './answer.ts';
import type { AuditTable } from './audit.ts';
import type { CardAnswerTable, CardTable, HookCallTable, UsedTokenTable } from './card.ts';
import type { DecisionTable } from './decision.ts';
import type { DeliveryTable } from './delivery.ts';
import type { EpisodeTable } from './episode.ts';
import type { EventTable } from './event.ts';
import type { LaunchTable } from './launch.ts';
import type { LookAgainTable } from './look-again.ts';
import type { MergedPatientTable } from './merged-patient.ts';
import type { ResourcePatientTable } from './resource-patient.ts';
import type { SessionTable } from './session.ts';
import type { SubscriptionStateTable } from './subscription-state.ts';
import type { TargetResourceTable } from './target-resource.ts';
import type { WatermarkTable } from './watermark.ts';

export interface Tables {
  event: EventTable;
  decision: DecisionTable;
  episode: EpisodeTable;
  delivery: DeliveryTable;
  target_resource: TargetResourceTable;
  resource_patient: ResourcePatientTable;
  merged_patient: MergedPatientTable;
  watermark: WatermarkTable;
  session: SessionTable;
  launch: LaunchTable;
  audit: AuditTable;
  look_again: LookAgainTable;
  subscription_state: SubscriptionStateTable;
  answer: AnswerTable;
  hook_call: HookCallTable;
  card: CardTable;
  card_answer: CardAnswerTable;
  used_token: UsedTokenTable;
}

/** The database, outside or inside a transaction. */
export type Db = Kysely<Tables>;
export type Trx = Transaction<Tables>;
