/** The page's only style sheet: system fonts, light and dark by the system, from 320 px on. */
export const style = `:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--box:#f6f8fa;--link:#0550ae;--ok:#116329;--bad:#a40e26;--now:#7d4e00;--warn:#fff8c5}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--line:#30363d;--box:#161b22;--link:#79c0ff;--ok:#56d364;--bad:#ff8a80;--now:#e3b341;--warn:#332701}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:60rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;border-bottom:1px solid var(--line)}
header nav{flex:1}
footer{color:var(--dim);font-size:.875rem}
a{color:var(--link)}
a:focus-visible,button:focus-visible,input:focus-visible,summary:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}
h1{font-size:1.375rem;margin:.5rem 0}
h2{font-size:1.0625rem;margin:1.5rem 0 .5rem}
h3{font-size:1rem;margin:.75rem 0 .25rem}
p{margin:.375rem 0}
small,.dim{color:var(--dim);font-size:.875rem}
code,pre{font:.875rem/1.45 ui-monospace,monospace}
pre{max-height:26rem;overflow:auto;padding:.625rem;background:var(--box);border:1px solid var(--line);border-radius:.375rem;white-space:pre-wrap}
b.ok{color:var(--ok)}b.bad{color:var(--bad)}b.now{color:var(--now)}b.off{color:var(--dim)}
.ok::before{content:"\\2714\\00a0"}.bad::before{content:"\\2716\\00a0"}.now::before{content:"\\25cf\\00a0"}.off::before{content:"\\25cb\\00a0"}
ul.rows,ol.rows{list-style:none;margin:0;padding:0}
.rows>li{padding:.5rem 0;border-top:1px solid var(--line)}
ol.steps{list-style:none;display:flex;flex-wrap:wrap;gap:.125rem .875rem;margin:.25rem 0;padding:0;font-size:.875rem}
.box{padding:.625rem .75rem;margin:.75rem 0;border:1px solid var(--line);border-radius:.375rem;background:var(--box)}
.warn{background:var(--warn);border-color:var(--now)}
.do{display:flex;flex-wrap:wrap;gap:.5rem;margin:.75rem 0}
button,input{font:inherit;color:inherit;min-height:2.5rem;padding:.25rem .875rem;border:1px solid var(--line);border-radius:.375rem;background:var(--box);max-width:100%}
button{cursor:pointer;font-weight:600;border-color:var(--dim)}
button.danger{border-color:var(--bad);color:var(--bad)}
input{width:100%;background:var(--bg);border-color:var(--dim)}
label{display:block;margin:.5rem 0 .25rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.125rem 1rem;margin:.5rem 0}
dt{color:var(--dim)}dd{margin:0}
.link{all:unset;color:var(--link);text-decoration:underline;cursor:pointer}
.link:focus-visible{outline:3px solid var(--link)}
@media (max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.375rem}}
@media (prefers-reduced-motion:no-preference){.now::before{animation:p 1.6s infinite}@keyframes p{50%{opacity:.3}}}
`
