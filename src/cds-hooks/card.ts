/**
 * The shapes of CDS Hooks 2.0 that we send. Optional members are left out, never null or empty.
 *
 * Why our own: the types of FHIR libraries lack `selectionBehavior` and `overrideReasons`, and make
 * `source` optional. Here `uuid` is required too: without it clients send no feedback.
 */
import type { Resource } from '@medplum/fhirtypes';

export interface CdsCoding {
  readonly system: string;
  readonly code: string;
  readonly display: string;
}

export interface CdsSource {
  /** At most 80 characters. */
  readonly label: string;
  readonly url: string;
  readonly topic: CdsCoding;
}

export type CdsAction =
  | { readonly type: 'create'; readonly description: string; readonly resource: Resource }
  | { readonly type: 'delete'; readonly description: string; readonly resourceId: string };

export interface CdsSuggestion {
  /** At most 60 characters, begins with a verb. */
  readonly label: string;
  readonly uuid: string;
  readonly actions: readonly [CdsAction, ...CdsAction[]];
}

export type CdsLink =
  | { readonly label: string; readonly url: string; readonly type: 'absolute' }
  | { readonly label: string; readonly url: string; readonly type: 'smart'; readonly appContext?: string };

export interface CdsCard {
  readonly uuid: string;
  /** Fewer than 140 UTF-16 code units. */
  readonly summary: string;
  readonly indicator: 'info' | 'warning' | 'critical';
  readonly source: CdsSource;
  /** GitHub-flavoured Markdown without HTML, at most 1,200 characters. */
  readonly detail?: string;
  readonly suggestions?: readonly [CdsSuggestion, ...CdsSuggestion[]];
  /** Present if and only if there are suggestions. */
  readonly selectionBehavior?: 'any';
  readonly overrideReasons?: readonly [CdsCoding, ...CdsCoding[]];
  readonly links?: readonly [CdsLink, ...CdsLink[]];
}
