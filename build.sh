#!/bin/bash
# size of vdso32 with lib/vdso/timens.h in $1 (file), config $2; $3 = extra flags
set -e
C=$2; O=/work/main/build/obj-$C; S=/work/main/build/linux
mkdir -p inc/$C; 
cmd=$(sed -n 's/^savedcmd_[^ ]* := //p' $O/arch/x86/entry/vdso/vdso32/.vclock_gettime.o.cmd | sed 's/ ; .*//; s/\\#/#/g')
cmd=${cmd/ -o *vclock_gettime.o/ }
echo "$cmd" > cmd.$C
