/**
 * One rule, in the sections that a reviewer expects, always the same and in the same order.
 */
import { factInWords } from '../core/rules/words.ts';
import { type Content, html } from '../pages/html.ts';
import type { Page } from '../pages/layout.ts';
import { note, tierMark } from '../pages/parts.ts';
import type { RuleModel, Words } from '../rule-files/rule-model.ts';
import { inputTables } from './input-tables.ts';
import { RULE_NAVIGATION, tiersIn } from './rule-list.ts';

type Section = readonly [id: string, title: string, content: Content];

export function rulePage(model: RuleModel): Page {
  const sections = sectionsOf(model);
  return {
    title: model.title,
    navigation: RULE_NAVIGATION,
    styles: ['rule-pages.css'],
    footer: html`<p>Rule <span class="code">${model.id}</span> version ${model.version}.
      <a href=${`/rules/${model.id}`} type="application/json">The same address</a> gives JSON when asked for <span class="code">application/json</span>.</p>`,
    main: html`
      <div class="head">
        <p class="muted"><a href="/rules">Rules</a> / <a href=${`/rules?domain=${model.domain}`}>${model.domain}</a></p>
        <h1>${model.title}</h1>
        <p class="row">
          <span class="tiers">${tiersIn(model.tiers).map(tierMark)}</span>
          <span class="muted"><span class="code">${model.id}</span> version ${model.version}</span>
        </p>
      </div>
      <div class="beside">
        <nav class="contents" aria-label="On this page">
          <ol>${sections.map(([id, title]) => html`<li><a href=${`#${id}`}>${title}</a></li>`)}</ol>
        </nav>
        <div class="stack">${sections.map(
          ([id, title, content]) =>
            html`<section class="panel" id=${id} aria-labelledby=${`${id}-title`}>
              <h2 id=${`${id}-title`}>${title}</h2>${content}
            </section>`,
        )}</div>
      </div>
    `,
  };
}

function sectionsOf(model: RuleModel): Section[] {
  return [
    ['purpose', 'Purpose and intended users', purpose(model)],
    ['patients', 'Patients it is for and not for', patients(model)],
    ['inputs', 'Inputs', inputTables(model.inputs)],
    ['logic', 'Logic', logic(model)],
    ['tier', 'Tier and why', tiers(model)],
    ['advice', 'What it suggests', advice(model)],
    ['evidence', 'Evidence', evidence(model)],
    ['validation', 'Validation', validation(model)],
    ['limits', 'Known limits', lines(model.limits)],
    ['attributes', 'Source attributes', attributes(model)],
    ['criteria', 'Decision-support criteria', criteria(model)],
    ['history', 'Change history', history(model)],
    ['contact', 'Contact', html`<p>${model.contact}</p>`],
  ];
}

function purpose({ purpose: why, users, rights }: RuleModel) {
  return html`<p>${why}</p><p><strong>For:</strong> ${users}</p>
    <dl class="pairs"><dt>It tells</dt><dd>${rights.info}</dd>
      <dt>First of all</dt><dd>${rights.audience.join(', ')}</dd>
      <dt>As</dt><dd>${rights.format}</dd>
      <dt>Where</dt><dd>${rights.channels.join(', ')}</dd>
      <dt>When</dt><dd>${rights.moment}</dd>
    </dl>`;
}

function patients({ patients: { for: whom, notFor, notWhen } }: RuleModel): Content {
  return html`<p><strong>For:</strong> ${whom}</p>
    <h3>Not for</h3>
    ${lines(notFor)}
    ${
      notWhen !== undefined &&
      html`<h3>This rule stops when</h3>${words(notWhen)}
        <p class="muted small">Only a known exclusion stops it; one that is not known is listed with the alert.</p>`
    }`;
}

function logic({ logic: { firesWhen, notWhen, clearsWhen, file }, settings }: RuleModel): Content {
  return html`<h3>Fires when</h3>${words(firesWhen)}
    ${notWhen !== undefined && html`<h3>Not when</h3>${words(notWhen)}`}
    <h3>Clears when</h3>${words(clearsWhen)}
    <p class="muted small">Each clause answers yes, no or not known. What is not known never counts as no.</p>
    ${
      settings.length > 0 &&
      html`<h3>A site may move</h3><ul class="lines">${settings.map(
        ({ name, default: value, allowed, unit }) =>
          html`<li><span class="code">${name}</span>: ${value} ${unit}, within ${allowed[0]} to ${allowed[1]}</li>`,
      )}</ul>`
    }
    <details><summary>As the rule file says it (JSON)</summary>
      <pre tabindex="0" aria-label="Logic of the rule as JSON"><code>${JSON.stringify(file, null, 2)}</code></pre>
    </details>`;
}

function tiers({ tiers: list, ownHandlingOf }: RuleModel): Content {
  return html`<p class="muted small">The first line that holds gives the tier.</p>
    <ol class="tier-lines">${list.map(
      ({ tier, when }) =>
        html`<li><div>${tierMark(tier)}</div><div>${
          when === undefined ? (list.length > 1 ? 'otherwise' : 'always') : words(when)
        }</div></li>`,
    )}</ol>
    ${ownHandlingOf.length > 0 && html`<p>The tier does not fall for: ${ownHandlingOf.join(', ')}. The lines above take that in.</p>`}`;
}

function advice({ advice: list, shown }: RuleModel): Content {
  return html`<p>Options to consider; the decision is the clinician's. The alert reads:</p>
    <p class="quote">${slots(shown.summary)}</p>
    ${
      list.length > 0 &&
      html`<ul class="lines">${list.map(
        ({ text, avoid, when, interlocks }) =>
          html`<li>${avoid && html`<strong>Avoid: </strong>`}${text}
            ${when !== undefined && html`<div class="muted small">when ${when}</div>`}
            ${interlocks.length > 0 && html`<div class="muted small">only past: ${interlocks.map(({ title }) => title).join('; ')}</div>`}
          </li>`,
      )}</ul>`
    }`;
}

/** A summary with its slots named: `{potassium.value}` is filled from the chart; a phrase with an empty one is left out. */
function slots(summary: string): Content {
  const pieces = summary.replaceAll(/[[\]]/g, '').split(/(\{[^{}]+\})/);
  return pieces.map((piece) =>
    piece.startsWith('{') ? html`<span class="slot">${slotInWords(piece.slice(1, -1))}</span>` : piece,
  );
}

function slotInWords(slot: string): string {
  const dot = slot.lastIndexOf('.');
  return `${factInWords(slot.slice(0, dot))} ${slot.slice(dot + 1)}`;
}

function evidence({ evidence: { citations, strength, lastReview } }: RuleModel): Content {
  return html`${lines(citations)}
    <dl class="pairs"><dt>Strength and basis</dt><dd>${strength}</dd><dt>Last review</dt><dd>${lastReview}</dd></dl>`;
}

function validation({ validation: found }: RuleModel): Content {
  if (found === undefined)
    return note(
      'warning',
      html`<p><strong>Not recorded for this version.</strong> The rule has changed since its cases were last judged.</p>`,
    );
  const { vectors, slips } = found;
  const cases = vectors.fired + vectors.clear + vectors.unknown;
  const all = slips.noticed + slips.waived + slips.unnoticed;
  return html`<dl class="figures">
      <div><dt>Cases that hold</dt><dd>${cases}</dd></div>
      <div><dt>must fire</dt><dd>${vectors.fired}</dd></div>
      <div><dt>must be clear</dt><dd>${vectors.clear}</dd></div>
      <div><dt>must say “not known”</dt><dd>${vectors.unknown}</dd></div>
      <div><dt>Slips noticed</dt><dd>${slips.noticed}<span class="muted"> of ${all}</span></dd></div>
      <div><dt>waived with a reason</dt><dd>${slips.waived}</dd></div>
      <div><dt>unnoticed</dt><dd>${slips.unnoticed}</dd></div>
    </dl>
    <p class="muted small">Synthetic cases, each written as FHIR resources and run through the whole service core. A slip is one small change
      of the rule, such as a limit moved by one step or a clause left out; the cases must notice it. A waived slip changes nothing that could
      be seen. Recorded by the gate for exactly this version of the rule file.</p>`;
}

function attributes({ sourceAttributes }: RuleModel): Content {
  return html`<p class="muted small">As 45 CFR 170.315(b)(11) lists them for evidence-based decision support. What is said to be used is compared
      with what the rule was seen to read. Suggestions also pass interlocks, which may read age, sex, pregnancy and kidney function.</p>
    <table class="cards">
      <thead><tr><th scope="col">#</th><th scope="col">Attribute</th><th scope="col">This rule</th></tr></thead>
      <tbody>${sourceAttributes.map(
        ({ number, name, says }) =>
          html`<tr><td class="muted">${number}</td><th scope="row">${name}</th><td>${says}</td></tr>`,
      )}</tbody>
    </table>`;
}

function criteria({ deviceCriteria }: RuleModel): Content {
  return html`<p class="muted small">Section 520(o)(1)(E) of the US Federal Food, Drug, and Cosmetic Act. For a hospital's own assessment; not legal
      advice, and no claim of clearance.</p>
    <table class="cards">
      <thead><tr><th scope="col">Criterion</th><th scope="col">How it is kept</th></tr></thead>
      <tbody>${deviceCriteria.map(({ criterion, kept }) => html`<tr><th scope="row">${criterion}</th><td>${kept}</td></tr>`)}</tbody>
    </table>`;
}

function history({ history: list }: RuleModel): Content {
  return html`<ul class="lines">${list
    .toReversed()
    .map(
      ({ version, date, note: what }) => html`<li><strong>${version}</strong>, ${date}: ${what}</li>`,
    )}</ul>`;
}

function lines(list: readonly string[]): Content {
  return html`<ul class="lines">${list.map((line) => html`<li>${line}</li>`)}</ul>`;
}

/** A condition as a list of lists. */
function words(condition: Words): Content {
  if (typeof condition === 'string') return html`<p>${condition}</p>`;
  const { of, parts } = condition;
  return html`<div class="group"><span class="group-name">${of} of</span>
    <ul>${parts.map((part) => html`<li>${typeof part === 'string' ? part : words(part)}</li>`)}</ul></div>`;
}
