package cli

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/machine"
)

// output is a standard stream that remembers why it could not be written to.
type output struct {
	w  io.Writer
	mu sync.Mutex // guards what follows, and keeps writes apart

	err error
}

// Write implements io.Writer. After a failure it writes nothing more.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	o.err = err
	return n, err
}

// failure returns why writing failed. A reader that went away (| head) is no
// failure.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if isGone(o.err) {
		return nil
	}
	return o.err
}

// isBroken reports whether writing failed, for whatever reason.
func (o *output) isBroken() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

// isGone reports whether a write failed because nobody reads any more.
func isGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// isTerminal reports whether o is one.
func (o *output) isTerminal() bool {
	f, ok := o.w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// besides is where what is no capture goes: standard output, or standard error
// where the capture takes that.
func (p *program) besides(pcap string) *output {
	if pcap == "-" {
		return p.err
	}
	return p.out
}

// openPcap opens the target of --pcap: a file, "-" for standard output, "" for
// none, which gives a nil Writer. The function closes it.
func (p *program) openPcap(name string) (io.Writer, func() error, error) {
	switch {
	case name == "":
		return nil, func() error { return nil }, nil
	case name == "-" && p.out.isTerminal():
		return nil, nil, usage("--pcap -: a terminal cannot show a capture: pipe it (| wireshark -k -i -), or give a file")
	case name == "-":
		return p.out, func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, usage("--pcap: %v", err)
	}
	return f, f.Close, nil
}

// jsonLine renders one line of --json: version, type, time, and the fields in
// their order.
func jsonLine(kind string, at time.Time, fields ...field) []byte {
	b := []byte(`{"v":1`)
	b = field{"type", kind}.append(b)
	b = field{"time", machine.FromTime(at).String()}.append(b)
	for _, f := range fields {
		b = f.append(b)
	}
	return append(b, '}', '\n')
}

// field is one member of a JSON line.
type field struct {
	name  string
	value any
}

func (f field) append(b []byte) []byte {
	v, err := json.Marshal(f.value)
	if err != nil {
		v = []byte("null") // nothing of ours
	}
	b = append(b, `,"`...)
	b = append(b, f.name...)
	b = append(b, `":`...)
	return append(b, v...)
}
