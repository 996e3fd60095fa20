package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mpstack/mpstack/wire"
)

// ErrMatch is wrapped by every error of ParseMatch.
var ErrMatch = errors.New("bad frame matcher")

// Match says which frames are meant. The zero value matches none.
type Match struct {
	proto  *protocol
	values []int  // of the protocol's key; empty means any
	word   string // the type as written in the table, or the number
	from   string // "node/port", "node", or "" for any
}

// ParseMatch reads a matcher in the form that the package comment describes.
func ParseMatch(text string) (Match, error) {
	m, err := parseMatch(strings.Fields(text))
	if err != nil {
		return Match{}, fmt.Errorf("fault: %w %q: %w", ErrMatch, text, err)
	}
	return m, nil
}

func parseMatch(words []string) (Match, error) {
	if len(words) == 0 {
		return Match{}, errors.New("it is empty")
	}
	name, typ, dotted := strings.Cut(words[0], ".")
	words = words[1:]
	m := Match{proto: findProtocol(name)}
	if m.proto == nil {
		return Match{}, fmt.Errorf("no protocol %q; there are %s", name, strings.Join(Protocols(), ", "))
	}
	if !dotted && len(words) > 0 && !strings.EqualFold(words[0], "from") {
		typ, words, dotted = words[0], words[1:], true
	}
	if dotted {
		if err := m.setType(typ); err != nil {
			return Match{}, err
		}
	}
	return m, m.setFrom(words)
}

func (m *Match) setType(word string) error {
	for i := range m.proto.types {
		if t := &m.proto.types[i]; strings.EqualFold(t.name, word) {
			m.word, m.values = t.name, t.values
			return nil
		}
	}
	if m.proto.limit == 0 {
		return fmt.Errorf("%s has no types", m.proto.name)
	}
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil || int(n) > m.proto.limit {
		return fmt.Errorf("%s has no %q; there are %s", m.proto.name, word, m.proto.describeTypes())
	}
	m.word, m.values = strconv.Itoa(int(n)), []int{int(n)}
	return nil
}

func (m *Match) setFrom(words []string) error {
	switch {
	case len(words) == 0:
		return nil
	case !strings.EqualFold(words[0], "from"):
		return fmt.Errorf("%q where \"from PORT\" was expected", words[0])
	case len(words) == 1:
		return errors.New("\"from\" lacks its port")
	case len(words) > 2:
		return fmt.Errorf("%q after the port", words[2])
	}
	m.from = words[1]
	return nil
}

// String returns m in the form that ParseMatch reads.
func (m Match) String() string {
	if m.proto == nil {
		return ""
	}
	s := m.proto.name
	if m.word != "" {
		s += " " + m.word
	}
	if m.from != "" {
		s += " from " + m.from
	}
	return s
}

// Frame reports whether f is meant. Frames that do not decode match "any"
// alone.
func (m Match) Frame(f wire.Frame) bool {
	v := look(f.Data)
	return m.frame(f.Port, &v)
}

func (m *Match) frame(port string, v *view) bool {
	return m.proto != nil && m.port(port) && m.packet(v)
}

func (m *Match) port(name string) bool {
	if m.from == "" || m.from == name {
		return true
	}
	node, _, ok := strings.Cut(name, "/")
	return ok && node == m.from
}

func (m *Match) packet(v *view) bool {
	if !m.proto.is(v) {
		return false
	}
	if len(m.values) == 0 {
		return true
	}
	for _, want := range m.values {
		if m.proto.has(v, want) {
			return true
		}
	}
	return false
}
