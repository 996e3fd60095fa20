package golden_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/golden"
)

// recorder is a test that is allowed to fail.
type recorder struct {
	dir           string
	errors, fatal []string
	logs          int
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Logf(string, ...any) { r.logs++ }
func (r *recorder) ArtifactDir() string { return r.dir }

type stopped struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = append(r.fatal, fmt.Sprintf(format, args...))
	panic(stopped{})
}

// run calls check as a test would.
func (r *recorder) run(check func()) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stopped); !ok {
				panic(v)
			}
		}
	}()
	check()
}

func TestCheck(t *testing.T) {
	t.Setenv(golden.UpdateVariable, "")
	dir := t.TempDir()
	name := filepath.Join(dir, "sub", "golden.pcapng")
	good := file(t, samples(t)[:6]...)
	other := file(t, samples(t)[:3]...)

	missing := &recorder{dir: dir}
	missing.run(func() { golden.Check(missing, good, name) })
	if len(missing.fatal) != 1 || !strings.Contains(missing.fatal[0], "MPSTACK_UPDATE=1 writes it") {
		t.Errorf("no golden: %+v", missing)
	}

	t.Setenv(golden.UpdateVariable, "1")
	update := &recorder{dir: dir}
	update.run(func() { golden.Check(update, good, name) })
	if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, good) || len(update.errors)+len(update.fatal) != 0 || update.logs != 1 {
		t.Errorf("update: %v, %+v", err, update)
	}
	blocked := &recorder{dir: dir}
	blocked.run(func() { golden.Check(blocked, good, filepath.Join(name, "below a file")) })
	if len(blocked.fatal) != 1 {
		t.Errorf("update where nothing can be written: %+v", blocked)
	}

	t.Setenv(golden.UpdateVariable, "0")
	same := &recorder{dir: dir}
	same.run(func() {
		golden.Check(same, good, name)
		golden.CheckStructural(same, good, name, golden.DefaultRules())
	})
	if len(same.errors)+len(same.fatal) != 0 {
		t.Errorf("same: %+v", same)
	}
	for _, check := range []func(r *recorder){
		func(r *recorder) { golden.Check(r, other, name) },
		func(r *recorder) { golden.CheckStructural(r, other, name, golden.DefaultRules()) },
	} {
		differs := &recorder{dir: t.TempDir()}
		differs.run(func() { check(differs) })
		if len(differs.errors) != 1 || !strings.Contains(differs.errors[0], "golden frame 4 at leaf/eth0 is missing: igmp v3-report") {
			t.Errorf("differs: %+v", differs)
		}
		if kept, err := os.ReadFile(filepath.Join(differs.dir, "golden.pcapng")); err != nil || !bytes.Equal(kept, other) {
			t.Errorf("what came was not kept: %v", err)
		}
	}
	nowhere := &recorder{dir: filepath.Join(dir, "no such place")}
	nowhere.run(func() { golden.Check(nowhere, other[:60], name) })
	if len(nowhere.errors) != 1 || nowhere.logs != 1 || !strings.Contains(nowhere.errors[0], "golden: what came: ") {
		t.Errorf("cut: %+v", nowhere)
	}
}
