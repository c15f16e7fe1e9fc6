/**
 * The page's only script; everything works without it. It fills in the token of a sign-in link, says how long ago times
 * are, and asks for the page again with its ETag (2 s while something is under way, 15 s otherwise, never while the tab is
 * hidden). A part is replaced where the server's markup of it has changed, so that focus, open details and the reader's
 * place stay. A text is read into the document by the browser's parser of an inert document: no script of it runs.
 */
export const script = `(()=>{'use strict'
const d=document,one=(id,e=d)=>e.getElementById(id),all=(s,e=d)=>[...e.querySelectorAll(s)]
const parts=e=>new Map(all('[data-part]',e).map(p=>[p.id,p])),last=new Map([...parts(d)].map(([k,p])=>[k,p.outerHTML]))
const field=one('token'),fill=()=>{if(location.hash.length>1){field.value=location.hash.slice(1)
history.replaceState(null,'',location.pathname);one('spend').focus()}}
if(field){fill();addEventListener('hashchange',fill)}
const two=(a,b,u,v)=>a+' '+u+(b?' '+b+' '+v:'')
const long=s=>s<60?Math.floor(s)+' s':s<3600?two(Math.floor(s/60),Math.floor(s%60),'min','s'):s<86400?two(Math.floor(s/3600),Math.floor(s%3600/60),'h','min'):two(Math.floor(s/86400),Math.floor(s%86400/3600),'d','h')
const short=s=>s<60?'just now':(s<3600?Math.floor(s/60)+' min':s<86400?Math.floor(s/3600)+' h':Math.floor(s/86400)+' d')+' ago'
const tell=()=>{if(d.hidden)return
all('time').forEach(t=>{const at=new Date(t.dateTime),s=Math.max(0,(Date.now()-at)/1000),text=t.className==='since'?long(s):short(s)
if(t.textContent!==text){t.textContent=text;t.title=at.toLocaleString()}})}
tell();setInterval(tell,1000)
d.addEventListener('click',e=>{const b=e.target.closest('button[data-copy]')
if(b)navigator.clipboard.writeText(one(b.dataset.copy).innerText).then(()=>{b.textContent='Copied'})})
const show=e=>all('button[data-copy]',e).forEach(b=>{b.hidden=false})
show(d)
const main=d.querySelector('main[data-poll]')
if(!main)return
let etag=main.dataset.etag,gap=+main.dataset.poll,failed=0,timer,going
const swap=text=>{const next=new DOMParser().parseFromString(text,'text/html'),now=parts(d)
const fresh=next.querySelector('main[data-poll]')
if(!fresh)return location.reload()
etag=fresh.dataset.etag;gap=+fresh.dataset.poll
for(const [id,p] of parts(next)){const html=p.outerHTML,old=now.get(id)
if(!old){location.reload();return}
if(last.get(id)===html)continue
last.set(id,html)
const at=d.activeElement,on=!old.contains(at)?'':at.id?'#'+CSS.escape(at.id):at.href?'a[href="'+at.getAttribute('href')+'"]':''
const open=all('details[open]',old).map(x=>x.id)
const part=d.importNode(p,true)
if(id==='said'){if(old.textContent!==part.textContent)old.textContent=part.textContent;continue}
old.replaceWith(part);show(part)
open.forEach(x=>{const e=one(x);if(e)e.open=true})
const back=on&&part.querySelector(on)
if(back)back.focus({preventScroll:true})}
tell()}
const ask=async()=>{clearTimeout(timer)
if(d.hidden||going)return
going=true
try{const r=await fetch(location.href,{headers:{'if-none-match':etag},cache:'no-store',redirect:'error'})
if(r.status===401){location.reload();return}
if(r.status===200)swap(await r.text())
else if(r.status!==304)throw r
failed=0}catch{failed++}
going=false
one('stale').hidden=failed<2
if(!d.hidden)timer=setTimeout(ask,Math.min(60,gap*2**failed)*1000)}
d.addEventListener('visibilitychange',()=>{if(d.hidden)clearTimeout(timer);else{tell();ask()}})
if(!d.hidden)timer=setTimeout(ask,gap*1000)
})()
`
