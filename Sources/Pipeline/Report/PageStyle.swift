extension Page {
  /// One style for light and dark, narrow and wide: colours are named once for each.
  static let style: Markup = """
    :root{--back:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#5b6470;--line:#dfe3e8;--c1:#1769c2;--c2:#c2570c;--c3:#5b6470;\
    --good:#177245;--bad:#b42318}
    @media (prefers-color-scheme:dark){:root{--back:#14171b;--card:#1d2127;--ink:#e8eaed;--soft:#a3acb8;--line:#343a43;\
    --c1:#6cb2ff;--c2:#f7a35c;--c3:#a3acb8;--good:#5fce94;--bad:#ff8a7e}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
    main{max-width:72rem;margin:0 auto;padding:1.2rem .9rem 3rem}
    h1{font-size:1.5rem;margin:.2rem 0 .2rem}
    h2{font-size:1.15rem;margin:2.2rem 0 .3rem;overflow-wrap:anywhere}
    h3{font-size:1rem;margin:1.2rem 0 .5rem}
    p{margin:.2rem 0 .8rem;color:var(--soft);overflow-wrap:anywhere}
    .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20.5rem),1fr));gap:.8rem}
    figure{margin:0;padding:.8rem;background:var(--card);border:1px solid var(--line);border-radius:8px;min-width:0}
    figure.wide{margin:.8rem 0}
    figcaption{font-weight:600;margin-bottom:.3rem}
    svg{display:block;width:100%;max-width:30rem;height:auto}
    .wide svg{max-width:none}.slim{display:none}
    .four{grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr))}
    svg text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--soft)}
    svg text.mark{fill:var(--ink);font-weight:600}
    .grid{stroke:var(--line);stroke-width:1}
    polyline{fill:none;stroke-width:2;stroke-linejoin:round}
    .ref{stroke-width:1.5;stroke-dasharray:5 4}
    .s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
    .f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
    .faint{fill:var(--c3);opacity:.45}
    .hollow{fill:var(--card);stroke:var(--c3);stroke-width:2}
    .legend{display:flex;flex-wrap:wrap;gap:.1rem .9rem;list-style:none;margin:0 0 .3rem;padding:0;font-size:.85rem;\
    color:var(--soft)}
    .legend i{display:inline-block;width:1.1rem;height:.25rem;border-radius:2px;margin-right:.35rem;vertical-align:middle}
    .b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}
    .legend i.dash{height:0;width:1.5rem;border-top:2px dashed}
    .d1{border-color:var(--c1)!important}.d2{border-color:var(--c2)!important}.d3{border-color:var(--c3)!important}
    .scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
    table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.93rem}
    th,td{padding:.4rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
    tr:last-child td{border-bottom:0}
    th{font-weight:600;font-size:.85rem;color:var(--soft)}
    th.left,td.left{text-align:left}
    a{color:var(--c1)}
    .good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
    footer{margin-top:2.5rem;color:var(--soft);font-size:.85rem}
    @media (max-width:700px){body{font-size:14px}.broad{display:none}.slim{display:block}h1{font-size:1.3rem}}

    """
}
