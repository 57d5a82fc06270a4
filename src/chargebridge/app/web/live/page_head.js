// The site's name, how it is, what time it is there; logging out.
export default {
  props: { data: Object },
  template: `
    <header class="cb-head">
      <div class="cb-brand">
        <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
          <path d="M2 24V13M30 24V13M2 20c5 0 9-3 14-9 5 6 9 9 14 9" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round"/>
          <path d="M18 3l-5.5 9.2h4L14.5 19l6.5-9h-4.2z" fill="var(--cars)"/>
        </svg>
        <h1>{{ data.name }}</h1>
        <span v-if="data.demo" class="cb-tag">demo</span>
      </div>
      <nav class="cb-nav" aria-label="Pages">
        <a v-for="p in [['', '/', 'Site'], ['stations', '/stations', 'Stations'], ['eebus', '/eebus', 'Grid & EEBUS']]" :key="p[1]" :href="p[1]" :aria-current="(data.here || '') === p[0] ? 'page' : null">{{ p[2] }}</a>
      </nav>
      <div class="cb-health" :class="'is-' + data.level" role="status">
        <q-icon :name="{ok: 'check_circle', tight: 'info', over: 'warning'}[data.level]" aria-hidden="true" />
        <span>{{ data.health }}</span>
      </div>
      <div class="cb-head-facts">
        <span v-if="data.price" title="present price">{{ data.price }}</span>
        <span v-if="data.reaction" class="cb-wide">{{ data.reaction }}</span>
        <span :title="data.zone"><span class="cb-wide cb-day">{{ data.day }}</span><b class="cb-clock">{{ data.clock }}</b></span>
        <form method="post" action="/logout"><button class="cb-plain" type="submit">Log out</button></form>
      </div>
    </header>`,
};
