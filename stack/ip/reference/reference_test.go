//go:build netns

package reference_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mpstack/mpstack/internal/netns"
)

// row is one behaviour.
type row struct {
	name   string // what is sent or called; unique within its area
	source string // where it is asked for
	// do asks and returns the answer: a short text that is the same each time.
	do   func(b *bed) string
	want []string // the answers that the source allows
	why  string   // where the answers are not equal, or not the one wanted
	knobs
}

// area is a table of the document.
type area struct {
	key, title string
	rows       []row
}

// areas are in the order of the document.
func areas() []area {
	return []area{
		{"arp", "ARP", arpRows()},
		{"ndp", "Neighbour discovery", ndpRows()},
		{"echo4", "ICMP echo, and which packets are taken at all", echo4Rows()},
		{"echo6", "ICMPv6 echo, and which packets are taken at all", echo6Rows()},
		{"udp", "UDP and unknown protocols", udpRows()},
		{"options", "IPv4 options and IPv6 extension headers", optionRows()},
		{"fragments", "Fragments", fragmentRows()},
		{"pmtu", "Path MTU", pmtuRows()},
		{"address", "Addresses and routers", addressRows()},
		{"igmp", "IGMP", memberRows(igmpFamily)},
		{"mld", "MLD", memberRows(mldFamily)},
		{"filters", "Source filters", append(filterRows(igmpFamily), filterRows(mldFamily)...)},
	}
}

// because explains why the answers of a row are not equal.
func (r row) because(why string) row {
	r.why = why
	return r
}

// expect lists the answers wanted.
func expect(answers ...string) []string { return answers }

// answers are what the two hosts said.
type answers struct{ ours, linux string }

func (a answers) equal(r row) bool { return a.ours == a.linux && slices.Contains(r.want, a.ours) }

// atOnce is how many rows run at the same time. They wait most of the time.
const atOnce = 32

// bench asks the questions, each in one of its namespaces.
type bench struct{ wires chan *netns.NS }

// newBench makes the namespaces for the prober's and our ends of the wires.
func newBench(t *testing.T) *bench {
	n := &bench{wires: make(chan *netns.NS, atOnce)}
	for i := range atOnce {
		ns, err := netns.New(fmt.Sprintf("wire%d", i))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ns.Close() })
		n.wires <- ns
	}
	return n
}

// ask puts one question to one host.
func (n *bench) ask(s subject, r row) (answer string, err error) {
	wire := <-n.wires
	defer func() { n.wires <- wire }()
	b, err := newBed(wire, s, r.knobs)
	if err != nil {
		return "", err
	}
	defer b.close()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			panic(p)
		}
	}()
	return r.do(b), nil
}

// both puts one question to both hosts.
func (n *bench) both(r row) (a answers, err error) {
	var wg sync.WaitGroup
	var errOurs, errLinux error
	wg.Go(func() { a.ours, errOurs = n.ask(ourHost, r) })
	wg.Go(func() { a.linux, errLinux = n.ask(linuxHost, r) })
	wg.Wait()
	if errOurs != nil {
		errOurs = fmt.Errorf("ours: %w", errOurs)
	}
	if errLinux != nil {
		errLinux = fmt.Errorf("Linux: %w", errLinux)
	}
	return a, errors.Join(errOurs, errLinux)
}

// TestKernelReference asks every question and compares the answers with
// docs/kernel-reference.md. MPSTACK_ROWS limits the run to rows with a text in
// "area/name" and prints their answers, for work on them; the document is then
// left alone.
func TestKernelReference(t *testing.T) {
	doc, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	release, err := kernelRelease()
	if err != nil {
		t.Fatal(err)
	}
	n := newBench(t)
	only := os.Getenv("MPSTACK_ROWS")
	results := n.all(only)
	n.again(t, doc, release, results)
	for _, x := range results {
		t.Run(x.key(), func(t *testing.T) {
			if x.err != nil {
				t.Fatal(x.err)
			}
			if only != "" {
				t.Logf("\n  ours     %s\n  Linux    %s\n  expected %s", x.ours, x.linux, strings.Join(x.want, " or "))
			}
		})
	}
	if only == "" && !t.Failed() {
		doc.compare(t, release, results)
	}
}

// result is an answered row.
type result struct {
	area string
	row
	answers
	err error // what kept the question from being asked
}

func (r *result) key() string { return r.area + "/" + r.name }

// all asks the questions whose key holds a text.
func (n *bench) all(only string) []*result {
	var results []*result
	var wg sync.WaitGroup
	for _, a := range areas() {
		for _, r := range a.rows {
			x := &result{area: a.key, row: r}
			if !strings.Contains(x.key(), only) {
				continue
			}
			results = append(results, x)
		}
	}
	for _, x := range slices.Backward(results) { // the slow ones come last in the document
		wg.Go(func() { x.answers, x.err = n.both(x.row) })
	}
	wg.Wait()
	return results
}

// fewOdd is up to how many answers that are not the document's are asked for
// again.
const fewOdd = 10

// again asks alone what was answered otherwise than the document says: at
// first the rows share the processors with each other, and late answers are
// missing ones. Many such rows are no accident.
func (n *bench) again(t *testing.T, doc *document, release string, results []*result) {
	var odd []*result
	for _, x := range results {
		if x.err != nil || !doc.agrees(x, release) {
			odd = append(odd, x)
		}
	}
	if len(odd) > fewOdd {
		return
	}
	for _, x := range odd {
		first, err := x.answers, x.err
		if x.answers, x.err = n.both(x.row); x.answers != first {
			t.Logf("%s: asked again: %q (%v), then %q", x.key(), first, err, x.answers)
		}
	}
}
