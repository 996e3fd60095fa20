package fault

import (
	"fmt"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// Rule drops one frame: the Nth, counted from 1, that Match means.
type Rule struct {
	Match Match
	Nth   int // below 1 counts as 1
}

// ParseRule returns the rule that drops the nth frame that the matcher means.
func ParseRule(match string, nth int) (Rule, error) {
	m, err := ParseMatch(match)
	if err != nil {
		return Rule{}, err
	}
	if nth < 1 {
		return Rule{}, fmt.Errorf("fault: nth is %d in the rule for %q; frames count from 1", nth, match)
	}
	return Rule{Match: m, Nth: nth}, nil
}

// String returns "mpj JOIN #1".
func (r Rule) String() string { return fmt.Sprintf("%s #%d", r.Match, max(r.Nth, 1)) }

// Count says what one rule did so far.
type Count struct {
	Rule    Rule
	Seen    uint64 // frames that it means, the dropped one among them
	Dropped uint64 // 0 or 1
}

// Injector applies rules to the frames of one or more links. Every rule counts
// every frame, also one that another rule drops, so that the order of rules
// does not matter.
type Injector struct {
	counts []Count
	fates  []string
	seen   view // of the frame being judged
}

var _ link.Fault = (*Injector)(nil)

// New returns an injector with the given rules.
func New(rules ...Rule) *Injector {
	in := &Injector{}
	for _, r := range rules {
		r.Nth = max(r.Nth, 1)
		in.counts = append(in.counts, Count{Rule: r})
		in.fates = append(in.fates, link.FateLost+": "+r.String())
	}
	return in
}

// Apply implements [link.Fault]. The fate names the rule.
func (in *Injector) Apply(_ machine.Time, f wire.Frame) link.Verdict {
	var v link.Verdict
	if len(in.counts) == 0 {
		return v
	}
	in.seen = look(f.Data)
	defer func() { in.seen = view{} }()
	for i := range in.counts {
		c := &in.counts[i]
		if !c.Rule.Match.frame(f.Port, &in.seen) {
			continue
		}
		c.Seen++
		if c.Seen != uint64(c.Rule.Nth) {
			continue
		}
		c.Dropped++
		if !v.Drop {
			v = link.Verdict{Drop: true, Fate: in.fates[i]}
		}
	}
	return v
}

// Counts returns what each rule did, in the order given to New.
func (in *Injector) Counts() []Count { return append([]Count(nil), in.counts...) }

// Done reports whether every rule has dropped its frame.
func (in *Injector) Done() bool {
	for i := range in.counts {
		if in.counts[i].Dropped == 0 {
			return false
		}
	}
	return true
}
