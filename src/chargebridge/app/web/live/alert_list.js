// What a person should know now, each with its cure.
export default {
  props: { data: Array },
  template: `
    <section v-if="data.length" class="cb-alerts" aria-label="Alerts">
      <article v-for="alert in data" :key="alert.where + alert.text" class="cb-alert" :class="'is-' + alert.level" role="alert">
        <q-icon :name="alert.level === 'info' ? 'info' : 'warning'" aria-hidden="true" />
        <div>
          <p><b>{{ alert.where }}</b><span class="cb-severity">{{ alert.severity }}</span></p>
          <p>{{ alert.text }}</p>
          <p v-if="alert.cure" class="cb-cure"><b>What to do:</b> {{ alert.cure }}</p>
        </div>
      </article>
    </section>`,
};
