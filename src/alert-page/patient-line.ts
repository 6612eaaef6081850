/**
 * Who the page is about. Always there: the app is not told when the EHR changes to another patient.
 */
import type { Patient } from '@medplum/fhirtypes';
import { type Content, html } from '../pages/html.ts';
import type { PatientId } from '../vocabulary/ids.ts';
import type { Read } from './read-record.ts';

export interface PatientView {
  readonly id: string;
  /** `OKAFOR, Ngozi`; absent when the record could not be read. */
  readonly name?: string;
  readonly birthDate?: string;
  readonly ageYears?: number;
  readonly sex?: string;
  /** The hospital's number for the record, where it sends one. */
  readonly recordNumber?: string;
}

export function patientView(read: Read<Patient>, id: PatientId, today: Date): PatientView {
  if (read.outcome === 'not-readable') return { id };
  const { name = [], birthDate, gender, identifier = [] } = read.value;
  const [used] = [...name.filter(({ use }) => use === 'official'), ...name];
  const family = used?.family?.toUpperCase();
  const text = [family, used?.given?.join(' ')].filter(Boolean).join(', ') || used?.text;
  const number =
    identifier.find(({ type }) => type?.coding?.some(({ code }) => code === 'MR')) ?? identifier[0];
  return {
    id,
    ...(text ? { name: text } : {}),
    ...(birthDate ? { birthDate, ageYears: ageOn(birthDate, today) } : {}),
    ...(gender ? { sex: gender } : {}),
    ...(number?.value ? { recordNumber: number.value } : {}),
  };
}

/** Whole years; a birth date may be a year or a month. */
function ageOn(birthDate: string, today: Date): number {
  const day = today.toISOString().slice(0, 10);
  const years = Number(day.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return day.slice(5) < birthDate.slice(5) ? years - 1 : years;
}

/** The family name for the window's title, so that two windows can be told apart. */
export function shortName({ name, id }: PatientView): string {
  return name?.split(',')[0] ?? `record ${id}`;
}

/** The line, or the banner where the EHR shows none. */
export function patientLine(patient: PatientView, banner: boolean, tools?: Content): Content {
  const { name, birthDate, ageYears, sex, recordNumber, id } = patient;
  const more = banner || name === undefined;
  return html`<section class=${`patient ${banner ? 'patient-banner' : ''}`} aria-label="Patient">
    <div class="banner-row">
      <strong class="patient-name">${name ?? 'Patient details could not be read'}</strong>
      <dl>
        ${birthDate !== undefined && html`<div><dt>Born</dt><dd class="number">${birthDate}${ageYears !== undefined && html` (${ageYears} y)`}</dd></div>`}
        ${sex !== undefined && html`<div><dt>Sex</dt><dd>${sex}</dd></div>`}
        <div class=${more ? undefined : 'print-only'}><dt>Record</dt><dd class="number">${recordNumber ?? id}</dd></div>
      </dl>
      ${tools}
    </div>
  </section>`;
}
