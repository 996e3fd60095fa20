package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// seeHelp ends a message about usage.
func seeHelp(cmd *cobra.Command) string { return "see " + cmd.CommandPath() + " --help" }

// commandArgs refuses a command that does not exist.
func (p *program) commandArgs(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := seeHelp(root)
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage("there is no command %q: %s", args[0], hint)
}

// flagError says what is wrong with a flag. Where there is no such command,
// that is what is wrong.
func (p *program) flagError(cmd *cobra.Command, err error) error {
	if !cmd.HasParent() && len(p.args) > 0 && !strings.HasPrefix(p.args[0], "-") {
		return p.commandArgs(cmd, p.args)
	}
	text := err.Error()
	if bad, call, isValue := strings.Cut(text, ": strconv."); isValue {
		text = bad + ": give a number in range"
		if strings.HasPrefix(call, "ParseBool") {
			text = bad + ": give true or false"
		}
	}
	return usage("%s: %s", text, seeHelp(cmd))
}

// noArgs is for commands that have flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage("%s takes flags only, not %q: %s", cmd.Name(), args[0], seeHelp(cmd))
}

// oneFile is for commands that read one file, someFiles for one or more.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return usage("%s takes one file, %d are given: %s", cmd.Name(), len(args), seeHelp(cmd))
}

func someFiles(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return usage("%s takes one file or more, none is given: %s", cmd.Name(), seeHelp(cmd))
}

// newHelp is cobra's help command, but for the status of an unknown topic.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if topic == nil || err != nil || len(rest) > 0 {
				return usage("there is no command %q: %s", strings.Join(args, " "), seeHelp(cmd.Root()))
			}
			topic.InitDefaultHelpFlag()
			topic.InitDefaultVersionFlag()
			return topic.Help()
		},
	}
}

// newCompletion prints the scripts of the shells that cobra knows.
func newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "Print a shell's completion script",
		Long:  "completion prints the script by which a shell completes commands, flags and files.",
		Example: `  source <(mpstack completion bash)     in this shell
  mpstack completion zsh >"${fpath[1]}/_mpstack"
  mpstack completion fish >~/.config/fish/completions/mpstack.fish`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && cobra.OnlyValidArgs(cmd, args) == nil {
				return nil
			}
			return usage("completion takes one of %s: %s", strings.Join(shells, ", "), seeHelp(cmd))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			}
			return fmt.Errorf("no script for %s", args[0])
		},
	}
}

// complete names what a flag takes.
func complete(cmd *cobra.Command, flag string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
