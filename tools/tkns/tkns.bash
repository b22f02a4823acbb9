# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of tkns for bash. Needs nothing but bash itself, and for names who knows them.

# _tkns_value COMMAND OPTION: what follows an option that wants a value; nothing if the value is free text.
_tkns_value()
{
	case $2 in
	--set) echo "now today tomorrow leap-20s" ;;
	--date) echo "today tomorrow" ;;
	--leap)
		# Without a leap second there is nothing to rehearse.
		if [[ $1 = rehearse ]]; then
			echo "insert delete"
		else
			echo "insert delete none"
		fi
		;;
	--smear) echo "google aws utc-sls ntpd meta step linear: cosine: quadratic:" ;;
	--net) echo "host new none" ;;
	esac
}

_tkns_pids()
{
	local dir

	for dir in /proc/[0-9]*; do
		echo "${dir#/proc/}"
	done
}

# _tkns_names: what podman, docker, machinectl and lxc know that runs, as far as they are installed. They are asked as the user, and
# not all of them keep quiet if they are not running.
_tkns_names()
{
	local names

	! names=$(podman ps --format '{{.Names}}' 2> /dev/null) || echo "$names"
	! names=$(docker ps --format '{{.Names}}' 2> /dev/null) || echo "$names"
	! names=$(machinectl list --no-legend --no-pager 2> /dev/null) || awk 'NF { print $1 }' <<< "$names"
	! names=$(lxc-ls --active -1 2> /dev/null) || echo "$names"
}

_tkns()
{
	local word=${COMP_WORDS[COMP_CWORD]} last='' command='' i choices=''
	local -r clock='--set --offset --freq --rate --leap --smear --tai'
	local -r rehearsal='--leap --smear --rate --before --after --date --samples --out --user --grace --container'

	[[ $COMP_CWORD -eq 0 ]] || last=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	command=${COMP_WORDS[1]-}
	if [[ $COMP_CWORD -le 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'run show list set follow save restore stop go pause resume watch rehearse drift step strobe oci-hook oci-runtime help --help --version' -- "$word")
		return
	fi

	# Behind their options, these have a command with arguments of its own.
	if [[ $command = run || $command = rehearse ]]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			--) i=$((i + 1)); break ;;
			--set | --offset | --freq | --rate | --leap | --smear | --tai | --net | --restore | --share | --follow) i=$((i + 1)) ;;
			--before | --after | --date | --samples | --out | --grace | --container) i=$((i + 1)) ;;
			-*) ;;
			*) break ;;
			esac
		done
		if [[ $i -lt $COMP_CWORD ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
		elif [[ $i -eq $COMP_CWORD && $word != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$word")
			return
		fi
	fi

	case $last in
	--set | --offset | --freq | --rate | --leap | --smear | --tai | --net | --interval | --count | \
	--before | --after | --date | --samples | --grace | --ppm | --by | --every | --for | --seed)
		mapfile -t COMPREPLY < <(compgen -W "$(_tkns_value "$command" "$last")" -- "$word")
		return
		;;
	--container)
		mapfile -t COMPREPLY < <(compgen -W "$(_tkns_pids) $(_tkns_names)" -- "$word")
		return
		;;
	--restore | --schedule)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--share | --follow)
		mapfile -t COMPREPLY < <(compgen -W "$(_tkns_pids) $(_tkns_names)" -- "$word")
		return
		;;
	--out)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac

	if [[ $command = help ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'run show list set follow save restore stop go pause resume watch rehearse drift step strobe' -- "$word")
		return
	fi
	case $command in
	run) choices="$clock --user --net --share --follow --restore --frozen --json" ;;
	set) choices="$clock --parse-only --json" ;;
	oci-hook) choices='precreate createRuntime' ;;
	oci-runtime) choices='--tkns-runtime=' ;;
	show | list | follow) choices='--json' ;;
	restore) choices='--elapsed --frozen' ;;
	go | resume) choices='--elapsed' ;;
	watch) choices='--interval --count --lines --json' ;;
	rehearse) choices="$rehearsal --json" ;;
	drift) choices='--ppm --every --for --seed --schedule --print' ;;
	step | strobe) choices='--by --every --for --seed --schedule --print' ;;
	esac
	case $word in
	-*) ;;
	*)
		case $command in
		show | set | follow | save | restore | stop | go | pause | resume | watch | drift | step | strobe) choices+=" $(_tkns_pids) $(_tkns_names)" ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices --help" -- "$word")
}

complete -F _tkns tkns
