// Package cli is mpstack's command line: the commands, their flags, what they
// print, and the exit status.
//
//	0  good
//	1  a finding, a mismatch, a failed expectation
//	2  usage, or input that cannot be read
//	3  a privilege or a tool is missing
//
// Errors are one line on standard error that says what to do.
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

// Main runs the command line and returns the exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	// A reader of our output that goes away (| head) ends us quietly.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return statusGood
	}
	if !errors.Is(err, errShown) {
		fmt.Fprintln(stderr, "mpstack: "+oneLine(err.Error()))
	}
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.status
	}
	return statusUsage // cobra's own: unknown command or flag, wrong arguments
}

// oneLine folds a message of several lines.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), "; ")
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mpstack",
		Short: "Multipoint sessions with reservations, in userspace",
		Long: `mpstack runs multipoint sessions (WSAJoinLeaf) with RSVP reservations on a
userspace stack, in simulation and on Linux interfaces, and decodes and checks
what was on the wire.

Try first:  mpstack demo`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newVersion(), newDemo(), newRun(), newRootNode(), newLeafNode(), newDecode())
	return root
}
