package golden

import (
	"fmt"
	"path"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

// Structural compares two captures by their structure and returns how they
// differ; nothing where they do not. For each port, flow and type of message
// the first occurrence counts, so that retransmissions and refreshes fall
// together; the order between flows does not count. Findings come in the order
// of the golden, then of what came.
func Structural(want, got []byte, r Rules) ([]Finding, error) {
	w, err := r.firsts(want)
	if err != nil {
		return nil, fmt.Errorf("golden: the golden: %w", err)
	}
	g, err := r.firsts(got)
	if err != nil {
		return nil, fmt.Errorf("golden: what came: %w", err)
	}
	var findings []Finding
	for _, key := range w.order {
		theirs := g.byKey[key]
		switch {
		case theirs != nil:
			findings = r.compare(findings, key, w.byKey[key], theirs)
		case !matches(r.IgnoreMissing, key.port):
			rec := w.byKey[key]
			findings = append(findings, Finding{Kind: Missing, Want: rec.Number, Port: key.port, About: key.flow})
		}
	}
	for _, key := range g.order {
		if w.byKey[key] == nil && !matches(r.IgnoreExtra, key.port) {
			findings = append(findings, Finding{Kind: Extra, Got: g.byKey[key].Number, Port: key.port, About: key.flow})
		}
	}
	return findings, nil
}

func matches(patterns []string, port string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, port); ok && err == nil {
			return true
		}
	}
	return false
}

// key names what is compared as one: a type of message of one flow at a port.
type key struct {
	port, dir string
	flow      string // layer, type, addresses and ports, normalized
	collapsed bool
}

// firsts are the first frames of each key.
type firsts struct {
	order []key
	byKey map[key]*capture.Record
}

func (r *Rules) firsts(file []byte) (firsts, error) {
	records, err := read(file)
	f := firsts{byKey: make(map[key]*capture.Record)}
	for i := range records {
		rec := &records[i]
		k := r.key(rec)
		if f.byKey[k] == nil {
			f.byKey[k] = rec
			f.order = append(f.order, k)
		}
	}
	return f, err
}

// key returns what a frame is to be compared with.
func (r *Rules) key(rec *capture.Record) key {
	t := tree(rec)
	k := key{port: rec.Port, dir: rec.Dir.String()}
	top := t.Top()
	if top == nil {
		k.flow = dissect.LayerData
		return k
	}
	for _, c := range r.Collapsed {
		if c.covers(top) {
			k.flow, k.collapsed = c.As, true
			return k
		}
	}
	k.flow = top.Name
	if top.Type != "" {
		k.flow += " " + top.Type
	}
	k.flow += " " + r.ends(t)
	return k
}

func (c *Collapse) covers(l *dissect.Layer) bool {
	if c.Layer != l.Name {
		return false
	}
	for _, t := range c.Types {
		if t == l.Type {
			return true
		}
	}
	return c.Types == nil
}

// ends returns between whom a frame goes: the addresses of its innermost
// network layer, and the ports.
func (r *Rules) ends(t *dissect.Tree) string {
	var src, dst string
	for i := range t.Layers {
		l := &t.Layers[i]
		switch l.Name {
		case dissect.LayerEthernet, dissect.LayerIPv4, dissect.LayerIPv6:
			src, dst = r.end(l, "src"), r.end(l, "dst")
		case dissect.LayerARP:
			src, dst = r.end(l, "sender_ip"), r.end(l, "target_ip")
		case dissect.LayerUDP:
			src += " port " + r.end(l, "src_port")
			dst += " port " + r.end(l, "dst_port")
		}
	}
	return src + " > " + dst
}

func (r *Rules) end(l *dissect.Layer, name string) string {
	f := l.Field(name)
	if f == nil {
		return ""
	}
	return r.normal(l.Name+"."+name, f)
}

// compare adds the finding about the first frames of a key, if they differ.
func (r *Rules) compare(findings []Finding, k key, want, got *capture.Record) []Finding {
	if k.collapsed {
		return findings
	}
	diffs := fieldDiffs(tree(want), tree(got), r.same)
	for _, d := range recordDiffs(want, got) {
		if !r.same(d.Path, nil, nil) {
			diffs = append(diffs, d)
		}
	}
	if len(diffs) == 0 {
		return findings
	}
	return append(findings, Finding{
		Kind: Changed, Want: want.Number, Got: got.Number, Port: k.port, About: k.flow, Fields: diffs,
		Dump: dump(want.Data, got.Data, diffs[0].Offset),
	})
}
