// What a person should know now, each with its cure. The head announces that there is something; figures in here change each second.
export default {
  props: { data: Array },
  template: `
    <section v-if="data.length" class="cb-alerts" aria-label="Alerts">
      <article v-for="(alert, i) in data" :key="i" class="cb-alert" :class="'is-' + alert.level">
        <q-icon :name="alert.level === 'info' ? 'info' : 'warning'" aria-hidden="true" />
        <div>
          <p><b>{{ alert.where }}</b><span class="cb-severity">{{ alert.severity }}</span></p>
          <p>{{ alert.text }}</p>
          <p v-if="alert.cure" class="cb-cure"><b>What to do:</b> {{ alert.cure }}</p>
        </div>
      </article>
    </section>`,
};
