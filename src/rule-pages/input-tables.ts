/**
 * What a rule reads: by kind, with how old it may be and by which codes it is recognised.
 */
import { type Content, html } from '../pages/html.ts';
import type { Input } from '../rule-files/rule-inputs.ts';

const KINDS = {
  measurement: 'Measurements',
  medicine: 'Medicines',
  'answer or sign': 'Answers and signs',
  'problem or procedure': 'Problems and procedures',
} as const satisfies Record<Input['kind'], string>;

export function inputTables(inputs: readonly Input[]): Content {
  const kinds = (Object.keys(KINDS) as Input['kind'][]).map((kind) => ({
    kind,
    own: inputs.filter((input) => input.kind === kind),
  }));
  return html`<p class="muted small">Besides these, age and where it is said below sex are read from the Patient resource. Discrete values only: no
      images, waveforms or traces.</p>
    ${kinds.filter(({ own }) => own.length > 0).map(({ kind, own }) => table(KINDS[kind], own))}`;
}

function table(title: string, inputs: readonly Input[]): Content {
  return html`<details open=${inputs.length <= 8}>
    <summary>${title} <span class="muted">${inputs.length}</span></summary>
    <table class="cards inputs">
      <thead><tr><th scope="col">Input</th><th scope="col">Unit</th><th scope="col">Counts for</th><th scope="col">Codes</th></tr></thead>
      <tbody>${inputs.map(row)}</tbody>
    </table>
  </details>`;
}

function row({ name, unit, countsFor, codes, codeCount }: Input): Content {
  const more = codeCount - codes.length;
  return html`<tr>
    <th scope="row">${name}</th>
    <td data-label=${unit === undefined ? undefined : 'Unit'}>${unit}</td>
    <td data-label="Counts for">${countsFor}</td>
    <td>${
      codeCount === 0
        ? html`<span class="muted">by name only</span>`
        : html`<details class="codes"><summary>${codeCount} ${codeCount === 1 ? 'code' : 'codes'}<span class="hidden"> of ${name}</span></summary>
            <ul>${codes.map(
              ({ system, code, display }) =>
                html`<li><span class="code">${system}|${code}</span> ${display}</li>`,
            )}${more > 0 && html`<li class="muted">and ${more} more, in the rule folder</li>`}</ul>
          </details>`
    }</td>
  </tr>`;
}
