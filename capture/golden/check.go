package golden

import (
	"fmt"
	"os"
	"path"
)

// T is what Check needs of a *testing.T or *testing.B; package testing itself
// stays out of programs that import this one.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	ArtifactDir() string
}

// UpdateVariable is the environment variable that makes Check write goldens
// when it is "1".
const UpdateVariable = "MPSTACK_UPDATE"

// Updating reports whether goldens are to be written.
func Updating() bool { return os.Getenv(UpdateVariable) == "1" }

// Check fails t unless got is, byte for byte, the capture in the file; it then
// says how they differ and leaves got among the test's artifacts. With
// MPSTACK_UPDATE=1 it writes got to the file instead.
func Check(t T, got []byte, file string) {
	t.Helper()
	if Updating() {
		update(t, got, file)
		return
	}
	want := load(t, file)
	findings, err := Compare(want, got)
	fail(t, got, file, findings, err)
}

// CheckStructural fails t unless got has the structure of the capture in the
// file. It never writes the file.
func CheckStructural(t T, got []byte, file string, r Rules) {
	t.Helper()
	want := load(t, file)
	findings, err := Structural(want, got, r)
	fail(t, got, file, findings, err)
}

func load(t T, file string) []byte {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("golden: %v (%s=1 writes it)", err, UpdateVariable)
	}
	return want
}

func fail(t T, got []byte, file string, findings []Finding, err error) {
	t.Helper()
	if err == nil && len(findings) == 0 {
		return
	}
	report := Report(findings)
	if err != nil {
		report = err.Error() + "\n"
	}
	t.Errorf("%s differs%s:\n%s", file, keep(t, got, file), report)
}

// keep writes got to the test's artifacts and says where.
func keep(t T, got []byte, file string) string {
	t.Helper()
	kept := path.Join(t.ArtifactDir(), path.Base(file))
	if err := os.WriteFile(kept, got, 0o644); err != nil {
		t.Logf("golden: %v", err)
		return ""
	}
	return fmt.Sprintf(" (what came is in %s)", kept)
}

func update(t T, got []byte, file string) {
	t.Helper()
	if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
		t.Fatalf("golden: %v", err)
	}
	if err := os.WriteFile(file, got, 0o644); err != nil {
		t.Fatalf("golden: %v", err)
	}
	t.Logf("golden: wrote %s, %d bytes", file, len(got))
}
