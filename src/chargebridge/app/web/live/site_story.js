// What happened, the newest first.
export default {
  props: { data: Array },
  template: `
    <p v-if="!data.length" class="cb-empty">Nothing has happened yet.</p>
    <ol v-else class="cb-story">
      <li v-for="line in data" :key="line.key" :class="'is-' + line.kind">
        <time>{{ line.at }}</time><q-icon :name="line.icon" :title="line.kind" aria-hidden="true" /><span>{{ line.text }}</span>
      </li>
    </ol>`,
};
