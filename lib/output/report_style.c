#include "output/report_internal.h"

/* Colours are named once for each theme; every text has a contrast of 4.5 to 1 or more, every mark 3 to 1. */
const char *const report_style[] = {
    /* colours */
    ":root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--quiet:#57606a;--line:#d0d7de;--soft:#f3f5f7;"
    "--done:#0b69a3;--throttled:#b26a00;--other:#a3195b;--good:#116329;--open:#7d4e00;--bad:#a3195b}\n",
    "@media (prefers-color-scheme:dark){:root{--page:#14171a;--text:#e6e9ec;--quiet:#9aa4ae;--line:#363d45;"
    "--soft:#1d2126;--done:#58a6e0;--throttled:#e8b04a;--other:#ff7eb6;--good:#5fd38d;--open:#e8b04a;--bad:#ff8fc0}}\n",
    /* text and numbers */
    "*{box-sizing:border-box}\n",
    "body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--page);color:var(--text);"
    "font:1rem/1.5 system-ui,sans-serif}\n",
    "bdi,code,q,dd{overflow-wrap:anywhere}\n",
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}\n",
    "h2{font-size:1.2rem;margin:2rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}\n",
    "h3{font-size:1rem;margin:0 0 .25rem}\n",
    ".badge{font-size:.85rem;font-weight:600;padding:.1rem .6rem;border:1px solid;border-radius:1rem;"
    "white-space:nowrap;vertical-align:middle}\n",
    ".good{color:var(--good)}.open{color:var(--open)}.bad{color:var(--bad)}\n",
    "dl{margin:0}dd{margin:0}dt,small,figcaption,caption,.legend,.y,.x,.log,footer{color:var(--quiet)}\n",
    ".facts{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem}.facts div{display:flex;gap:.4rem}\n",
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem}\n",
    ".tiles div{background:var(--soft);border-radius:.4rem;padding:.5rem .75rem;display:flex;"
    "flex-direction:column-reverse;justify-content:flex-end}\n",
    ".tiles dt{font-size:.85rem}.tiles dd{font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}\n",
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n",
    "caption{text-align:left;font-size:.9rem;padding:.25rem 0}\n",
    "th,td{padding:.3rem .5rem;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}\n",
    "th:first-child,td:first-child{text-align:left;padding-left:0}thead th{font-weight:600;font-size:.9rem}\n",
    "tbody th{font-weight:400}tbody th small{display:block;font-size:.8rem}\n",
    ".changes tr>:nth-child(3){padding-left:1rem}.changes td:nth-child(3),.changes th:nth-child(3),.stack td,.stack "
    "th{text-align:left}\n",
    "code{font:.875em ui-monospace,monospace}.stack td{white-space:nowrap}.stack td code{font-size:.8em}\n",
    /* figures */
    ".cause,.reason{border-left:.25rem solid var(--bad);background:var(--soft);padding:.6rem .8rem;margin:.75rem 0;"
    "border-radius:0 .4rem .4rem 0}.cause p{margin:.25rem 0}.count{color:var(--bad);white-space:nowrap}\n",
    "figure{margin:1rem 0}figcaption{font-size:.9rem;margin-bottom:.5rem}\n",
    ".plot{display:grid;grid-template-columns:auto 1fr;gap:.25rem .5rem}\n",
    "svg{display:block;width:100%;height:10rem;overflow:visible}\n",
    ".y{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:.8rem;"
    "line-height:1;min-width:1.5rem}\n",
    ".x{grid-column:2;display:flex;justify-content:space-between;font-size:.8rem}\n",
    ".legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0;margin:.5rem 0;font-size:.9rem}\n",
    ".key{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.4rem}\n",
    "rect.done{fill:var(--done)}rect.throttled{fill:var(--throttled)}rect.other{fill:var(--other)}\n",
    ".key.done{background:var(--done)}.key.throttled{background:var(--throttled)}.key.other{background:var(--other)}\n",
    ".grid,.median{fill:none;stroke:var(--line);vector-effect:non-scaling-stroke}.median{stroke:var(--text);"
    "stroke-width:2px}\n",
    ".strip{display:grid;grid-template-columns:5rem 1fr;gap:.5rem;align-items:end;margin:.4rem 0}"
    ".strip svg{height:3rem}\n",
    ".log{position:relative;height:1.2rem;font-size:.8rem}.log span{position:absolute;transform:translateX(-50%);"
    "white-space:nowrap}.log span:first-child{transform:none}.log span:last-child{transform:translateX(-100%)}\n",
    "summary{cursor:pointer;color:var(--quiet);font-size:.9rem;padding:.25rem 0}\n",
    "footer{margin-top:2rem;padding-top:.5rem;border-top:1px solid var(--line);font-size:.85rem}\n",
    "@media (max-width:36rem){.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    ".stack tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}"
    ".stack th,.stack td{display:block;border:0;padding:0;white-space:normal}th,td{padding:.3rem .25rem}"
    "table:not(.stack),thead th{font-size:.75rem}}\n",
    "@media "
    "print{details::details-content{content-visibility:visible}body{max-width:none}section{break-inside:avoid-page}"
    "rect,.key{print-color-adjust:exact}}\n",
    NULL,
};
