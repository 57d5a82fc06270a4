// What the meter signed of the last charging, and whether it holds.
export default {
  props: { data: Object },
  template: `
    <section v-if="data" class="cb-proof" aria-label="Proof of the last charging">
      <h2>
        <q-icon :name="data.holds ? 'verified' : 'gpp_maybe'" aria-hidden="true" />
        <span class="cb-chip" :class="data.holds ? 'is-ok' : 'is-over'">{{ data.verdict }}</span>
      </h2>
      <p v-if="data.reason">{{ data.reason }} <b>Nothing is charged for it.</b></p>
      <dl>
        <template v-if="data.begin"><dt>Meter at the begin</dt><dd>{{ data.begin }}</dd></template>
        <template v-if="data.end"><dt>Meter at the end</dt><dd>{{ data.end }}</dd></template>
        <template v-if="data.energy"><dt>Signed energy</dt><dd><b>{{ data.energy }}</b></dd></template>
        <template v-if="data.meter"><dt>Meter</dt><dd>{{ data.meter }} at {{ data.evse }}</dd></template>
        <template v-if="data.key"><dt>Its key</dt><dd><code>{{ data.key }}</code><br>{{ data.key_from }}</dd></template>
      </dl>
      <p class="cb-proof-links">
        <a v-if="data.file" :href="data.file" download>Signed values (S.A.F.E. XML)</a>
        <a :href="data.page">Check them yourself</a>
      </p>
    </section>`,
};
