// Where posts are from: circles on a world that lies beside the page, without any tile server.
import { geoEqualEarth, geoGraticule10, geoPath, type GeoPermissibleObjects, type GeoProjection } from "d3-geo";
import { useEffect, useRef, useState } from "preact/hooks";
import { feature } from "topojson-client";
import { number } from "../format";

declare const WORLD: string;
export interface Spot { place: string; level: string | null; country: string | null; lat: number | null; lon: number | null; posts: number; positive: number; negative: number }
interface Circle { x: number; y: number; r: number; spots: Spot[]; posts: number; negative: number }
interface View { scale: number; x: number; y: number }

let world: Promise<GeoPermissibleObjects> | null = null;
async function read(): Promise<GeoPermissibleObjects> {
  const found = await (await fetch(WORLD)).json();
  return feature(found, found.objects.countries) as unknown as GeoPermissibleObjects;
}

export default function WorldMap({ spots, height, onPick }: { spots: Spot[]; height: number; onPick: (spots: Spot[]) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null), circles = useRef<Circle[]>([]);
  const [land, setLand] = useState<GeoPermissibleObjects | null>(null), [view, setView] = useState<View>({ scale: 1, x: 0, y: 0 });
  const [told, tell] = useState(""), [width, setWidth] = useState(0), drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const theme = document.documentElement.dataset.theme;
  useEffect(() => { (world ??= read()).then(setLand, () => { world = null; tell("The map cannot be loaded."); }); }, []);
  useEffect(() => {
    const host = canvas.current;
    if (!host) return;
    const watch = new ResizeObserver(() => setWidth(host.clientWidth));
    watch.observe(host);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const host = canvas.current, context = host?.getContext("2d");
    if (!host || !context || !width) return;
    const ratio = devicePixelRatio || 1, style = getComputedStyle(document.documentElement), color = (name: string) => style.getPropertyValue(name).trim();
    host.width = width * ratio; host.height = height * ratio;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, height);
    const projection = geoEqualEarth().fitExtent([[4, 4], [width - 4, height - 4]], { type: "Sphere" });
    const [x, y] = projection.translate();
    projection.scale(projection.scale() * view.scale).translate([(x - width / 2) * view.scale + width / 2 + view.x, (y - height / 2) * view.scale + height / 2 + view.y]);
    const path = geoPath(projection, context), draw = (shape: GeoPermissibleObjects, fill: string | null, line: string | null) => {
      context.beginPath(); path(shape);
      if (fill) { context.fillStyle = fill; context.fill(); }
      if (line) { context.strokeStyle = line; context.lineWidth = 0.5; context.stroke(); }
    };
    draw({ type: "Sphere" }, color("--sea"), null);
    draw(geoGraticule10(), null, color("--line"));
    if (land) draw(land, color("--land"), color("--sea"));
    circles.current = merged(spots, projection, width, height);
    for (const circle of circles.current) {
      context.beginPath(); context.arc(circle.x, circle.y, circle.r, 0, 2 * Math.PI);
      context.globalAlpha = 0.75; context.fillStyle = circle.negative > circle.posts / 2 ? color("--negative") : color("--accent"); context.fill(); context.globalAlpha = 1;
      context.strokeStyle = color("--panel"); context.lineWidth = 1; context.stroke();
      if (circle.r > 13) { context.fillStyle = "#fff"; context.font = "600 11px system-ui, sans-serif"; context.textAlign = "center"; context.textBaseline = "middle"; context.fillText(number(circle.posts), circle.x, circle.y); }
    }
  }, [spots, land, view, width, height, theme]);
  const at = (event: MouseEvent): Circle | undefined => circles.current.find((one) => Math.hypot(one.x - event.offsetX, one.y - event.offsetY) <= Math.max(one.r, 8));
  const say = (event: MouseEvent) => {
    const circle = at(event);
    tell(circle ? `${circle.spots.slice(0, 4).map((one) => one.place).join(", ")}${circle.spots.length > 4 ? " …" : ""}: ${number(circle.posts)} posts, ${Math.round((100 * circle.negative) / circle.posts)}% negative` : "");
    if (canvas.current) canvas.current.style.cursor = circle ? "pointer" : "grab";
  };
  const zoom = (by: number, x = width / 2, y = height / 2) => setView((old) => {
    const scale = Math.min(Math.max(old.scale * by, 1), 40), real = scale / old.scale;
    if (scale === 1) return { scale: 1, x: 0, y: 0 };
    return { scale, x: (x - width / 2) * (1 - real) + old.x * real, y: (y - height / 2) * (1 - real) + old.y * real };
  });
  return <div class="map"><canvas ref={canvas} style={{ height: `${height}px` }} role="img" aria-label="World map of posts; the table beside it has the same figures."
    onMouseDown={(event) => { drag.current = { x: event.clientX, y: event.clientY, moved: false }; }}
    onMouseMove={(event) => {
      const from = drag.current;
      if (from && event.buttons) { const dx = event.clientX - from.x, dy = event.clientY - from.y; if (from.moved || Math.hypot(dx, dy) > 4) { drag.current = { x: event.clientX, y: event.clientY, moved: true }; setView((old) => ({ ...old, x: old.x + dx, y: old.y + dy })); } } else say(event);
    }}
    onMouseUp={(event) => { const moved = drag.current?.moved; drag.current = null; const circle = at(event); if (!moved && circle) { if (circle.spots.length > 3 && view.scale < 20) zoom(2.5, circle.x, circle.y); else onPick(circle.spots); } }}
    onMouseLeave={() => { drag.current = null; tell(""); }} onDblClick={(event) => zoom(2, event.offsetX, event.offsetY)} />
    <div class="zoom"><button aria-label="Zoom in" onClick={() => zoom(1.6)}>+</button><button aria-label="Zoom out" onClick={() => zoom(1 / 1.6)}>−</button>{view.scale > 1 && <button aria-label="Whole world" onClick={() => setView({ scale: 1, x: 0, y: 0 })}>⟲</button>}</div>
    <output class="tip" aria-live="polite">{told}</output><p class="credit">Natural Earth · GeoNames, CC BY 4.0</p></div>;
}

/** Circles that would lie on each other are one. */
function merged(spots: Spot[], projection: GeoProjection, width: number, height: number): Circle[] {
  const most = Math.max(...spots.map((one) => one.posts), 1), made: Circle[] = [];
  for (const spot of [...spots].sort((one, other) => other.posts - one.posts)) {
    if (spot.lat === null || spot.lon === null) continue;
    const point = projection([spot.lon, spot.lat]);
    if (!point || point[0] < -20 || point[1] < -20 || point[0] > width + 20 || point[1] > height + 20) continue;
    const [x, y] = point, near = made.find((one) => Math.hypot(one.x - x, one.y - y) < one.r + 3);
    if (near) { near.spots.push(spot); near.posts += spot.posts; near.negative += spot.negative; near.r = radius(near.posts, most); }
    else made.push({ x, y, r: radius(spot.posts, most), spots: [spot], posts: spot.posts, negative: spot.negative });
  }
  return made;
}
const radius = (posts: number, most: number): number => Math.min(3 + 19 * Math.sqrt(posts / most), 30);
