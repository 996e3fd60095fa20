package layering

// module is the import path of the module under test.
const module = "github.com/mpstack/mpstack"

// pureBelow is the first floor that may do I/O, read clocks and run
// goroutines. The rooms below it are driven by calls alone.
const pureBelow = 3

// row is one line of the table of rooms: packages, by their path inside the
// module, that stand on one step and may import each other.
type row struct {
	step  string // floor digit, then the step's letter: "1a", "4"
	rooms []string
}

// A rule says which rooms may import a package from outside the module, given
// as an import path that also stands for everything below it.
type rule struct {
	path  string
	rooms []string // rooms; a last element "/..." takes in what is below
	tests bool     // test files of every room may import it too
	outer bool     // external _test packages of every room may import it too
	why   string
}

// A ban is a standard-library package, with all below it, that rooms below
// pureBelow may not import outside their tests.
type ban struct {
	path string
	but  []string // packages below path that stay allowed
	why  string
}

// An exception lets one file, or one room, do one thing that the table forbids.
type exception struct {
	where string // a file or a room: slash-separated path from the top of the module
	what  string // an import path, "pkg.Name", or one of the words below
	why   string
}

// What a construct is called in findings and exceptions.
const (
	wordGo      = "a go statement"
	wordChan    = "a channel"
	wordSelect  = "select"
	wordPanic   = "panic"
	wordPrint   = "print"
	wordDot     = "a dot import"
	wordUnknown = "an unknown room"
)

// table is everything that the check is told.
type table struct {
	rows       []row
	support    map[string]bool // rooms for tests alone: held to the rules of test files, imported by nothing else
	foreign    []rule
	banned     []ban
	exceptions []exception
}

// house is the table of this module.
var house = table{
	rows:       rows,
	support:    support,
	foreign:    foreign,
	banned:     banned,
	exceptions: exceptions,
}

var rows = []row{
	// Floor 1: bytes and values.
	{"1a", []string{"internal/machine"}},
	{"1a", []string{"wire/object"}},
	{"1a", []string{"wire/inet"}},
	{"1a", []string{"rsvp/intserv"}},
	{"1a", []string{"stack/winsock"}},
	{"1a", []string{"testdata"}},
	{"1a", []string{"internal/benchratio"}},
	{"1b", []string{"wire"}},
	{"1b", []string{"wire/igmp"}},
	{"1b", []string{"rsvp"}},
	{"1c", []string{"wire/mpj"}},
	{"1c", []string{"rsvp/auth"}},

	// Floor 2: machines and carriers.
	{"2a", []string{"stack/ip", "stack/ip/neigh", "stack/ip/reasm", "stack/ip/group"}},
	{"2a", []string{"stack/mpj"}},
	{"2a", []string{"rsvp/node", "rsvp/node/nodetest"}},
	{"2a", []string{"stack/link", "stack/link/mem", "stack/link/fault", "stack/link/tee", "stack/link/replay"}},
	{"2a", []string{
		"capture", "capture/pcapng", "capture/dissect", "capture/check", "capture/diff", "capture/golden",
		"capture/ladder", "capture/report", "capture/layers", "capture/dissector", "capture/capturetest",
	}},
	{"2b", []string{"stack/qos"}},

	// Floor 3: kernel and clock.
	{"3a", []string{"stack/link/raw", "stack/link/afpacket", "stack/link/tap", "stack/link/internal/nic"}},
	{"3a", []string{"internal/netns"}},
	{"3b", []string{"stack"}},
	{"3b", []string{"stack/link/linktest"}},
	{"3b", []string{"rsvp/kernel", "rsvp/kernel/tc", "rsvp/kernel/mroute"}},

	{"4", []string{"stack/sim"}},
	{"4", []string{"stack/ip/reference"}}, // on package stack's driver
	{"5", []string{"stack/scenario"}},
	{"6", []string{"cmd/mpstack", "cmd/mpstack/internal/cli", "cmd/mpstack/internal/testbed", "cmd/mpstack/internal/control"}},

	// The tests that look at the whole tree; nothing may import them.
	{"7", []string{"internal/layering"}},
	{"7", []string{"internal/decoding"}},
}

// support lists the rooms that hold what several rooms' tests need. They may
// run programs and read files; only tests and each other import them.
var support = map[string]bool{
	"capture/capturetest": true,
	"internal/benchratio": true,
	"rsvp/node/nodetest":  true,
	"stack/ip/reference":  true,
	"stack/link/linktest": true,
}

// foreign lists the modules that may be imported at all. What is not here is
// allowed nowhere.
var foreign = []rule{
	{path: "github.com/google/go-cmp", tests: true,
		why: "go-cmp compares values in tests, nothing else"},
	{path: "github.com/google/gopacket", rooms: []string{"capture/..."}, tests: true, outer: true,
		why: "gopacket reads captures, and is an oracle in external tests; our own codecs are what goes on the wire"},
	{path: "github.com/mdlayher/raw", rooms: []string{"stack/link/raw"},
		why: "raw is deprecated upstream; stack/link/raw is its only importer"},
	{path: "github.com/vishvananda/netlink", rooms: kernelRooms,
		why: "netlink belongs to the rooms that configure the kernel"},
	{path: "github.com/vishvananda/netns", rooms: kernelRooms,
		why: "netns belongs to the rooms that configure the kernel"},
	{path: "golang.org/x/sys", rooms: floorsFrom3,
		why: "system calls begin on floor 3"},
	{path: "golang.org/x/net", rooms: floorsFrom3,
		why: "the kernel's network begins on floor 3"},
	{path: "github.com/goccy/go-yaml", rooms: []string{"stack/scenario", "cmd/mpstack/internal/cli"},
		why: "YAML is the scenario files' format and stays with their reader and the command line"},
	{path: "github.com/spf13/cobra", rooms: commands, why: whyCommands},
	{path: "github.com/spf13/pflag", rooms: commands, why: whyCommands},
	{path: "github.com/prometheus/client_golang", rooms: commands, why: whyCommands},
	{path: "github.com/schollz/progressbar", rooms: commands, why: whyCommands},
	{path: "github.com/charmbracelet/bubbletea", rooms: commands, why: whyCommands},
	{path: "gonum.org/v1/plot", rooms: commands, why: whyCommands},
}

var (
	kernelRooms = []string{
		"stack/link/raw", "stack/link/afpacket", "stack/link/tap",
		"rsvp/kernel", "rsvp/kernel/tc", "rsvp/kernel/mroute",
		"internal/netns", "cmd/mpstack/internal/testbed",
	}
	floorsFrom3 = []string{
		"stack/link/raw", "stack/link/afpacket", "stack/link/tap", "stack/link/internal/nic", "stack/link/linktest", "internal/netns",
		"stack", "rsvp/kernel", "rsvp/kernel/tc", "rsvp/kernel/mroute",
		"stack/sim", "stack/scenario", "cmd/...",
	}
	commands = []string{"cmd/..."}
)

const whyCommands = "what renders and takes commands stays under cmd"

// banned lists what no room below pureBelow imports outside its tests.
var banned = []ban{
	{path: "net", but: []string{"net/netip"}, why: "sockets are I/O"},
	{path: "os", why: "files and processes are I/O"},
	{path: "io/ioutil", why: "files are I/O"},
	{path: "path/filepath", why: "it looks at the file system; use path"},
	{path: "syscall", why: "system calls are I/O"},
	{path: "crypto/rand", why: "entropy is injected as an io.Reader"},
	{path: "math/rand", but: []string{"math/rand/v2"}, why: "random streams are injected and come from math/rand/v2"},
	{path: "hash/maphash", why: "its seed differs from process to process"},
	{path: "log", why: "logging is I/O; a machine has a Tracer"},
	{path: "expvar", why: "it is a global registry with a server"},
	{path: "sync", why: "a machine is driven by one caller at a time"},
	{path: "context", why: "it carries clocks and channels"},
	{path: "runtime", why: "the scheduler and the process are not a machine's business"},
	{path: "plugin", why: "it loads files"},
	{path: "unsafe", why: "it gets round the bounds checks"},
}

// clock lists what package time offers beyond values. Names that are true
// wait or fire by themselves: tests below pureBelow may not use them either.
var clock = map[string]bool{
	"Now": false, "Since": false, "Until": false, "Local": false, "LoadLocation": false,
	"Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
}

// seeded lists what of math/rand/v2 does not draw from the global source.
var seeded = map[string]bool{
	"New": true, "NewPCG": true, "NewChaCha8": true, "NewZipf": true,
	"Rand": true, "Source": true, "PCG": true, "ChaCha8": true, "Zipf": true,
}

// console lists what of package fmt reads or writes the process's own files.
var console = map[string]bool{
	"Print": true, "Printf": true, "Println": true, "Scan": true, "Scanf": true, "Scanln": true,
}

// exceptions names the files and rooms that may do what the table forbids, and
// why. One that is no longer needed fails the test.
var exceptions = []exception{
	{"stack/winsock", "syscall", "an Errno answers errors.Is for the syscall.Errno of the same meaning: values, no calls"},
	{"capture/golden/check.go", "os", "Check, which tests call, reads goldens, and rewrites them where the environment asks for it"},
	{"wire/inet", module + "/wire/object", "object.DecodeError is the one error type of every codec"},
}
