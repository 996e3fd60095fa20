// Package cli is mpstack's command line: the commands, their flags, what they
// print, and the exit status.
//
//	0  good
//	1  a finding, a mismatch, a failed expectation
//	2  usage, input that cannot be read, output that cannot be written
//	3  a privilege or a tool is missing
//
// Errors are one line on standard error that says what to do. A line of --json
// begins with "v", "type" and "time"; the help of a command lists its types.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	statusGood    = 0
	statusFinding = 1
	statusUsage   = 2
	statusMissing = 3
)

// statusError carries the exit status of a command that failed.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// finding, usage and missing make the three kinds of failures.
func finding(format string, args ...any) error {
	return &statusError{statusFinding, fmt.Errorf(format, args...)}
}

func usage(format string, args ...any) error {
	return &statusError{statusUsage, fmt.Errorf(format, args...)}
}

func missing(format string, args ...any) error {
	return &statusError{statusMissing, fmt.Errorf(format, args...)}
}

// errShown ends a command with a status whose reason has been printed.
var errShown = errors.New("")

// Main runs the command line and returns the exit status. What --netns runs
// again in a user namespace has the process's own standard streams.
func Main(args []string, stdout, stderr io.Writer) int {
	p := &program{args: args, out: &output{w: stdout}, err: &output{w: stderr}}
	err := p.run()
	if !errors.Is(err, errShown) && err != nil {
		fmt.Fprintln(p.err, "mpstack: "+oneLine(err.Error()))
	}
	return status(err)
}

// orderly returns a context that ends with the first signal that asks the
// process to end, for commands with something to take down. The second signal
// ends the process at once.
func orderly(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), signals...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// status returns the exit status for a command's error.
func status(err error) int {
	if err == nil {
		return statusGood
	}
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.status
	}
	return statusUsage // cobra's own: wrong flags or arguments
}

// oneLine folds a message of several lines.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), "; ")
}

// program is one call of the command line.
type program struct {
	args     []string
	out, err *output
}

// run runs the command that the arguments name.
func (p *program) run() error {
	root := p.newRoot()
	root.SetArgs(p.args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(context.Background())
	if failed := p.out.failure(); failed != nil && err == nil {
		return usage("cannot write: %v", failed)
	}
	return err
}

func (p *program) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mpstack",
		Short: "Multipoint sessions with reservations, in userspace",
		Long: `mpstack runs multipoint sessions (WSAJoinLeaf) with RSVP reservations on a
userspace stack, in simulation and on Linux interfaces, and decodes and checks
what was on the wire.

Exit status: 0 good; 1 a finding, a mismatch or a failed expectation; 2 usage,
or a file that cannot be read or written; 3 a privilege or a tool is missing.`,
		Example: `  mpstack demo                          everything once, simulated
  mpstack demo --pcap demo.pcapng       the same, and keep the capture
  mpstack decode demo.pcapng            show every frame of it`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          p.commandArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(p.err)
			return errors.Join(cmd.Help(), &statusError{statusUsage, errShown})
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(p.flagError)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(p.newDemo(), p.newRun(), p.newRootNode(), p.newLeafNode(), p.newDecode(), newVersion(), newCompletion())
	root.SetHelpCommand(newHelp())
	return root
}
