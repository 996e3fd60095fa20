package capturetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/capture/dissector"
)

// T is what the judge needs of a *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	TempDir() string
	Name() string
}

// Verdict is what tshark and our own decoder say of a capture.
type Verdict struct {
	Frames int // all
	MPJ    int // with our dissector's fields
	RSVP   int // with a correct RSVP checksum
	// Complaints say what is wrong, frame by frame; none where all is well.
	Complaints []string
}

// Options of Judge.
type Options struct {
	// Allow lists texts of expert infos that are no complaint, as tshark has
	// them: of a capture that means to hold what they warn of.
	Allow []string
}

// Judge has tshark, with our dissector, look at a capture file. It complains of
// frames that are malformed or have an expert info of a warning or more, of
// IP, UDP, IGMP, ICMP, ICMPv6 and RSVP checksums that are not correct, of MPJ
// frames without our dissector's fields, of Lua errors, and of frames that our
// own decoder refuses: tshark lets many malformed RSVP messages pass. It fails
// t where tshark is missing or does not run.
func Judge(t T, file string, o Options) Verdict {
	t.Helper()
	j := judge{t: t, file: file, options: o, script: path.Join(t.TempDir(), dissector.Name)}
	if err := os.WriteFile(j.script, dissector.Lua(), 0o644); err != nil {
		t.Fatalf("judge: %v", err)
	}
	j.decode()
	j.fields()
	j.checksums()
	return j.Verdict
}

// MustPass fails t unless Judge has nothing to complain of.
func MustPass(t T, file string, o Options) Verdict {
	t.Helper()
	v := Judge(t, file, o)
	for _, c := range v.Complaints {
		t.Errorf("%s: %s", file, c)
	}
	return v
}

type judge struct {
	Verdict
	t       T
	file    string
	script  string
	options Options

	mpj, rsvp map[int]bool // frames that are such, as our decoder sees it
}

func (j *judge) complain(format string, args ...any) {
	j.Complaints = append(j.Complaints, fmt.Sprintf(format, args...))
}

// decode reads the file with our own reader and decoder.
func (j *judge) decode() {
	j.t.Helper()
	j.mpj, j.rsvp = make(map[int]bool), make(map[int]bool)
	b, err := os.ReadFile(j.file)
	if err != nil {
		j.t.Fatalf("judge: %v", err)
	}
	var t dissect.Tree
	for rec, err := range capture.Open(bytes.NewReader(b)) {
		if err != nil {
			j.complain("%v", err)
			return
		}
		t.Dissect(rec.LinkType, rec.Data)
		j.Frames++
		if t.Err != nil {
			j.complain("frame %d: %v", rec.Number, t.Err)
		}
		j.mpj[rec.Number] = t.Layer(dissect.LayerMPJ) != nil
		j.rsvp[rec.Number] = t.Layer(dissect.LayerRSVP) != nil
	}
}

// run returns what tshark prints. Its exit status says nothing about scripts,
// so its standard error is read.
func (j *judge) run(args ...string) string {
	j.t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		j.t.Fatalf("judge: tshark is needed (Debian: apt-get install tshark): %v", err)
	}
	args = append([]string{"-n", "-X", "lua_script:" + j.script, "-r", j.file,
		"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"}, args...)
	cmd := exec.Command(tshark, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "WIRESHARK_CONFIG_DIR="+path.Dir(j.script))
	if err := cmd.Run(); err != nil {
		j.t.Fatalf("judge: tshark: %v\n%s", err, errs.String())
	}
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "Running as user ") {
			j.complain("tshark says: %s", strings.TrimSpace(line))
		}
	}
	return out.String()
}

// columns are the fields that fields asks tshark for.
var columns = []string{
	"frame.number", "frame.protocols", "mpj.version", "mpj.type",
	"_ws.expert.severity", "_ws.expert.message",
	"ip.checksum.status", "udp.checksum.status", "igmp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status",
}

const (
	columnNumber = iota
	columnProtocols
	columnVersion
	columnType
	columnSeverity
	columnMessage
	columnStatus // the first of the checksums
)

// Separators that no field holds.
const (
	fieldSeparator = "\x1f"
	valueSeparator = "\x1e"
)

// fields asks for one line a frame.
func (j *judge) fields() {
	j.t.Helper()
	args := []string{"-T", "fields", "-E", "separator=" + fieldSeparator, "-E", "aggregator=" + valueSeparator, "-E", "occurrence=a"}
	for _, c := range columns {
		args = append(args, "-e", c)
	}
	frames := 0
	for line := range strings.Lines(j.run(args...)) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), fieldSeparator)
		if len(values) != len(columns) {
			j.complain("tshark prints %q", line)
			continue
		}
		frames++
		j.frame(values)
	}
	if frames != j.Frames {
		j.complain("tshark sees %d frames of %d", frames, j.Frames)
	}
}

// warning is the least severity to complain of (epan/proto.h).
const warning = 0x00600000

func (j *judge) frame(values []string) {
	n, err := strconv.Atoi(values[columnNumber])
	if err != nil {
		j.complain("frame number %q", values[columnNumber])
	}
	if strings.Contains(values[columnProtocols], "_ws.") {
		j.complain("frame %d: %s", n, values[columnProtocols])
	}
	messages := strings.Split(values[columnMessage], valueSeparator)
	for i, s := range split(values[columnSeverity]) {
		severity, err := strconv.ParseUint(s, 10, 32)
		text := messages[min(i, len(messages)-1)]
		if (err != nil || severity >= warning) && !slices.Contains(j.options.Allow, text) {
			j.complain("frame %d: expert: %s (severity %s)", n, text, s)
		}
	}
	for i, status := range values[columnStatus:] {
		for _, s := range split(status) {
			if s != "1" {
				j.complain("frame %d: %s is %s, not good", n, columns[columnStatus+i], s)
			}
		}
	}
	switch ours := values[columnVersion] != "" && values[columnType] != ""; {
	case ours:
		j.MPJ++
	case j.mpj[n]:
		j.complain("frame %d: our dissector shows no mpj.version and mpj.type", n)
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, valueSeparator)
}

// checksums reads the verdict on RSVP's checksum, for which there is no field:
// one line a message.
func (j *judge) checksums() {
	j.t.Helper()
	want := 0
	for _, is := range j.rsvp {
		if is {
			want++
		}
	}
	if want == 0 {
		return
	}
	bad := 0
	for line := range strings.Lines(j.run("-Y", "rsvp", "-O", "rsvp")) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "Message Checksum: "):
		case strings.Contains(line, "[correct]") || strings.Contains(line, "[ignored, integrity object used]"):
			j.RSVP++
		default:
			bad++
			j.complain("RSVP message %d of the file: %s", j.RSVP+bad, line)
		}
	}
	if j.RSVP+bad != want {
		j.complain("tshark sees %d RSVP checksums, we %d messages", j.RSVP+bad, want)
	}
}
