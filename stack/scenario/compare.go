package scenario

import (
	"bytes"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Compare compares the run's frames with a golden capture of its scenario: byte
// for byte on mem, by structure (see package golden) on netns. Of a structural
// comparison two things are left out: answers to general membership queries,
// since a timer says when they come, and what Linux's own stack sends, which
// is more than ours. It returns how they differ; nothing where they do not.
func (r *Result) Compare(want []byte) ([]golden.Finding, error) {
	if r.On == OnMem {
		var got bytes.Buffer
		if err := r.WriteCapture(&got); err != nil {
			return nil, err
		}
		return golden.Compare(want, got.Bytes())
	}
	var filter answers
	var err error
	if want, err = filter.rewrite(want); err != nil {
		return nil, err
	}
	var all bytes.Buffer
	if err := r.WriteCapture(&all); err != nil {
		return nil, err
	}
	got, err := filter.rewrite(all.Bytes())
	if err != nil {
		return nil, err
	}
	return golden.Structural(want, got, r.rules())
}

// rules returns the rules for the structural comparison: a kernel's frames are
// at a port of its own in the golden, and at ours on netns.
func (r *Result) rules() golden.Rules {
	rules := golden.DefaultRules()
	kernels := make(map[string]bool) // by link
	for _, n := range r.Scenario.Nodes {
		if n.Kind != KindKernel {
			continue
		}
		rules.IgnoreMissing = append(rules.IgnoreMissing, n.Name+"/*")
		for _, p := range n.Ports {
			kernels[p.Link] = true
		}
	}
	for _, n := range r.Scenario.Nodes {
		for _, p := range n.Ports {
			if n.Kind != KindKernel && kernels[p.Link] {
				rules.IgnoreExtra = append(rules.IgnoreExtra, n.Name+"/"+p.Name)
			}
		}
	}
	return rules
}

// answers leaves the answers to general membership queries out of captures.
type answers struct{ tree dissect.Tree }

func (a *answers) rewrite(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := capture.NewWriter(&out)
	if err != nil {
		return nil, err
	}
	for rec, err := range capture.Open(bytes.NewReader(b)) {
		if err != nil {
			return nil, err
		}
		if a.isAnswer(rec) {
			continue
		}
		if err := w.WriteRecord(rec); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// isAnswer reports whether the frame is a membership report that states what
// is, and no change of it (RFC 3376 section 4.2.12).
func (a *answers) isAnswer(rec capture.Record) bool {
	a.tree.Dissect(rec.LinkType, rec.Data)
	l := a.tree.Top()
	if l == nil || l.Name != dissect.LayerIGMP && l.Name != dissect.LayerMLD || len(l.Objects) == 0 {
		return false
	}
	for i := range l.Objects {
		f := l.Objects[i].Field("type")
		if f == nil {
			return false
		}
		if t := igmp.RecordType(f.Value.Uint()); t != igmp.ModeIsInclude && t != igmp.ModeIsExclude {
			return false
		}
	}
	return true
}
