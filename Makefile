# SPDX-License-Identifier: Apache-2.0
# Build of Heddle: everything out of tree under $(BUILD). `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 10
SANITIZE ?=
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif
CLANG ?= clang
BPFTOOL ?= bpftool
LLVM_STRIP ?= llvm-strip
AR ?= ar
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

VERSION := 0.1.0
MACHINE := $(shell uname -m)
TRIPLET := $(MACHINE)-linux-gnu
BPF_ARCH := $(if $(filter aarch64,$(MACHINE)),arm64,x86)

# --- flags -----------------------------------------------------------------------------------------------------------

INCLUDES := -Iuser -Iinclude -I. -I$(BUILD)/gen
WARNINGS := -Wall -Wextra -Werror -Wvla
OPTIMIZE ?= -O2
HARDEN := -fstack-protector-strong -fPIE
LINK_FLAGS := -pie -Wl,-z,relro,-z,now
SAN :=
ifeq ($(SANITIZE),address)
SAN := -fsanitize=address -fno-omit-frame-pointer
else ifeq ($(SANITIZE),undefined)
SAN := -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(SANITIZE),thread)
SAN := -fsanitize=thread -fno-omit-frame-pointer
else ifeq ($(SANITIZE),fuzz)
SAN := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifneq ($(SANITIZE),)
$(error SANITIZE is one of address, undefined, thread, fuzz)
else
HARDEN += -D_FORTIFY_SOURCE=2
endif
# the checks that sanitizers put in make gcc see uses of what is never set
ifneq ($(SANITIZE),)
WARNINGS += $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized)
endif
DEFINES := -D_GNU_SOURCE -DHDL_VERSION='"$(VERSION)"' $(if $(SANITIZE),-DHDL_SANITIZE)
HDL_CFLAGS = -std=gnu17 $(DEFINES) $(WARNINGS) $(OPTIMIZE) -g $(HARDEN) $(SAN) $(INCLUDES) -pthread $(CFLAGS)
HDL_CXXFLAGS = -std=c++17 $(DEFINES) $(WARNINGS) $(OPTIMIZE) -g $(HARDEN) $(SAN) $(INCLUDES) -pthread $(CXXFLAGS)
HDL_LDFLAGS = $(LINK_FLAGS) $(SAN) $(LDFLAGS)
LIBS := -lbpf -lelf -lz -lmnl -lyaml -ljansson -lre2 -lstdc++ -lxxhash -lseccomp -lcap -lpthread -lm
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
	-Iinclude -I. -Imaps -I/usr/include/$(TRIPLET)

# --- what there is ---------------------------------------------------------------------------------------------------

# Link order; tools/lint/layers.txt says who may include whom, and so what a test of one layer is linked with.
LAYER_ORDER := base re http h1 conf model ir xlate route lb health policy analyze plan ev net obs dp proxy admin
LAYERS := $(foreach l,$(LAYER_ORDER),$(if $(wildcard user/$l/*.c user/$l/*.cc),$l))
# words LAYER/DEPENDENCY, transitively closed; layers.txt is in topological order
LAYER_DEPS := $(shell awk -f tools/lint/layer-deps.awk tools/lint/layers.txt)
# $(call closure,LAYERS): these and all they may depend on, as far as they exist
closure = $(filter $1 $(foreach l,$1,$(patsubst $l/%,%,$(filter $l/%,$(LAYER_DEPS)))),$(LAYERS))
archives = $(foreach l,$1,$(BUILD)/lib$l.a)
link = -Wl,--start-group $1 -Wl,--end-group $(LIBS)

objs = $(patsubst user/%,$(BUILD)/obj/%.o,$(basename $(wildcard user/$1/*.c user/$1/*.cc)))
HEDDLED_OBJS := $(call objs,heddled)
HEDDLECTL_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tools/heddlectl/*.c))
PROGRAMS := $(if $(HEDDLED_OBJS),$(BUILD)/heddled) $(if $(HEDDLECTL_OBJS),$(BUILD)/heddlectl)

BPF_OBJS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELETON := $(if $(BPF_OBJS),$(BUILD)/gen/heddle.skel.h)
TEST_BPF_OBJS := $(patsubst tests/bpf/%.bpf.c,$(BUILD)/tests/bpf/%.bpf.o,$(wildcard tests/bpf/*.bpf.c))
TEST_SKELETONS := $(patsubst $(BUILD)/tests/bpf/%.bpf.o,$(BUILD)/gen/%.skel.h,$(TEST_BPF_OBJS))

UNIT_TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/test_*.c))
BPF_TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out %.bpf.c,$(wildcard tests/bpf/*.c)))
# every other C file right under tests/DIR is one program: a test (test_*) or a helper of the scripts
golden_LAYERS := xlate dp
net_LAYERS := net
lib_LAYERS := net
bench_LAYERS := dp route h1
PROGRAM_DIRS := golden net lib bench
dir_programs = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/$1/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# --- user targets ----------------------------------------------------------------------------------------------------

.PHONY: all deps demo check check-run check-unit check-golden check-bpf check-net check-lint check-vm asan ubsan tsan \
	fuzz-smoke fuzzers bench format golden reference install uninstall clean help tests unit-tests bpf-tests \
	golden-programs net-programs lib-programs bench-programs lint-needs FORCE

all: $(PROGRAMS) $(call archives,$(LAYERS)) $(SKELETON) ## build heddled, heddlectl, BPF objects and skeletons under $(BUILD)
	@:

help: ## list the targets
	@sed -n 's/^\([a-z][a-z -]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		awk -F '\t' '{ printf "  %-14s %s\n", $$1, $$2 }'
	@echo "Variables: BUILD=$(BUILD) CC=$(CC) V=1 DESTDIR= PREFIX=$(PREFIX) FUZZ_SECONDS=$(FUZZ_SECONDS) SANITIZE="

deps: ## install the missing Debian packages and say which (root)
	$(Q)tools/deps build test

IN_BUILD = BUILD=$(abspath $(BUILD)) HDL_BUILD=$(abspath $(BUILD))
# The packages may be missing when make starts, so that the real work happens in a second make.
demo: deps ## set up pods on this machine, run heddled on examples/seed and show each promise (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(abspath $(BUILD)) tests/demo

check: deps ## all tests: lint, unit, golden, BPF, network (root)
	$(Q)$(MAKE) --no-print-directory check-run

CHECK_GROUPS ?= lint unit golden bpf net
RUN = BUILD=$(BUILD) CC='$(CC)' CLANG='$(CLANG)' HDL_SANITIZE=$(SANITIZE) tests/run
# A part that does not build is a failed test; it does not keep the others from running.
# $(call build_and_run,WHAT TO BUILD,GROUPS)
define build_and_run
	$(Q)failed=; $(MAKE) --no-print-directory -k $1 || failed=--build-failed; $(RUN) $$failed $2
endef

check-run:
	$(call build_and_run,all tests lint-needs,$(CHECK_GROUPS))

check-unit: ## unit tests (no root, under a minute)
	$(call build_and_run,unit-tests,unit)

check-golden: ## YAML to snapshot text to map dump, against recorded output
	$(call build_and_run,all golden-programs,golden)

check-bpf: ## tests of the BPF programs (root)
	$(call build_and_run,bpf-tests,bpf)

check-net: ## network tests in namespaces (root)
	$(call build_and_run,all net-programs lib-programs,net)

check-lint: ## layers, banned functions, headers, format, scripts, man pages
	$(call build_and_run,lint-needs,lint)

check-vm: ## the BPF and network tests inside VMs of a list of kernels (qemu)
	$(Q)tools/deps build test vm
	$(Q)$(MAKE) --no-print-directory -k all tests
	$(Q)$(IN_BUILD) vmtest/run $(VM_KERNELS)

SAN_GROUPS ?= unit golden bpf net
san = $(MAKE) --no-print-directory BUILD=$(BUILD)-$1 SANITIZE=$2 CHECK_GROUPS='$(SAN_GROUPS)' check-run
asan: ## the tests with AddressSanitizer
	$(Q)$(call san,asan,address)
ubsan: ## the tests with UndefinedBehaviorSanitizer
	$(Q)$(call san,ubsan,undefined)
tsan: ## the tests with ThreadSanitizer
	$(Q)$(call san,tsan,thread)

fuzz-smoke: ## run every fuzz target for FUZZ_SECONDS from its corpus
	$(Q)failed=; $(MAKE) --no-print-directory -k BUILD=$(BUILD)-fuzz CC=$(CLANG) CXX=$(CLANG)++ SANITIZE=fuzz \
		fuzzers || failed=--build-failed; \
	FUZZ_SECONDS=$(FUZZ_SECONDS) BUILD=$(BUILD)-fuzz tests/run $$failed fuzz

bench: ## benchmarks: a table of ratios (root)
	$(Q)tools/deps build test bench
	$(Q)$(MAKE) --no-print-directory all bench-programs lib-programs
	$(Q)$(IN_BUILD) tests/bench/run

format: ## clang-format the C files in place
	$(Q)tools/lint/c-files | xargs clang-format -i

reference: $(BUILD)/tools/gen/reference ## rewrite docs/reference from the tables of the kinds
	$(Q)mkdir -p docs/reference
	$(Q)$< docs/reference

golden: all golden-programs $(BUILD)/tests/bpf/test_load ## rewrite the recorded output of the golden tests
	$(Q)HDL_GOLDEN_WRITE=1 $(RUN) golden tests/bpf/test_load.c

# each with a recipe, so that make is silent when there is nothing to do
unit-tests: $(UNIT_TESTS)
	@:
bpf-tests: $(BPF_TESTS)
	@:
$(foreach d,$(PROGRAM_DIRS),$(eval $d-programs: $(call dir_programs,$d) ; @:))
lint-needs: $(SKELETON) $(BUILD)/tools/gen/reference
	@:
tests: unit-tests bpf-tests golden-programs net-programs lib-programs
	@:

install: all ## install under DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc/heddle
	install -m 755 $(BUILD)/heddled $(DESTDIR)$(PREFIX)/sbin/heddled
	install -m 755 $(BUILD)/heddlectl $(DESTDIR)$(PREFIX)/bin/heddlectl
	install -m 644 user/heddled/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	sed 's|/usr/sbin/heddled|$(PREFIX)/sbin/heddled|' deploy/heddled.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/heddled.service

uninstall: ## remove what install put there (not /etc/heddle)
	rm -f $(DESTDIR)$(PREFIX)/sbin/heddled $(DESTDIR)$(PREFIX)/bin/heddlectl
	rm -f $(patsubst user/heddled/man/%,$(DESTDIR)$(PREFIX)/share/man/man8/%,$(wildcard user/heddled/man/*.8))
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/heddled.service

clean: ## remove the build directories
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-ubsan $(BUILD)-tsan $(BUILD)-fuzz

# --- BPF -------------------------------------------------------------------------------------------------------------

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/flags
	$(say) BPF $<
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $@.d -c -o $@.tmp $<
	$(Q)$(LLVM_STRIP) -g $@.tmp && mv $@.tmp $@

$(BUILD)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c $(BUILD)/flags
	$(say) BPF $<
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $@.d -c -o $@.tmp $<
	$(Q)$(LLVM_STRIP) -g $@.tmp && mv $@.tmp $@

$(BUILD)/heddle.bpf.o: $(BPF_OBJS)
	$(say) BPFLINK $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/gen/heddle.skel.h: $(BUILD)/heddle.bpf.o
	$(say) SKEL $@
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name hdl_bpf > $@

$(TEST_SKELETONS): $(BUILD)/gen/%.skel.h: $(BUILD)/tests/bpf/%.bpf.o
	$(say) SKEL $@
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

# --- C ---------------------------------------------------------------------------------------------------------------

# Changes only when a command line changes; every object depends on it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(CXX) $(subst ','"'"',$(HDL_CFLAGS)) $(CXXFLAGS) $(HDL_LDFLAGS) $(CLANG) $(BPF_CFLAGS)' > $@.new
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@
FORCE:

# only these two may include the generated skeleton
$(call objs,dp) $(HEDDLED_OBJS): | $(SKELETON)

$(BUILD)/obj/%.o: user/%.c $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(HDL_CFLAGS) -MMD -MP -MF $@.d -c -o $@ $<

$(BUILD)/obj/%.o: user/%.cc $(BUILD)/flags
	$(say) CXX $<
	@mkdir -p $(@D)
	$(Q)$(CXX) $(HDL_CXXFLAGS) -MMD -MP -MF $@.d -c -o $@ $<

$(BUILD)/obj/tools/%.o: tools/%.c $(BUILD)/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(HDL_CFLAGS) -Itools -MMD -MP -MF $@.d -c -o $@ $<

define archive_rule
$(BUILD)/lib$1.a: $(call objs,$1)
	$$(say) AR $$@
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$l)))
$(if $(HEDDLED_OBJS),$(eval $(call archive_rule,heddled)))

$(BUILD)/heddled: $(HEDDLED_OBJS) $(call archives,$(LAYERS))
	$(say) LD $@
	$(Q)$(CC) $(HDL_LDFLAGS) -o $@ $(HEDDLED_OBJS) $(call link,$(call archives,$(LAYERS)))

CTL_ARCHIVES := $(call archives,$(call closure,$(patsubst tools/heddlectl/%,%,$(filter tools/heddlectl/%,$(LAYER_DEPS)))))
$(BUILD)/heddlectl: $(HEDDLECTL_OBJS) $(CTL_ARCHIVES)
	$(say) LD $@
	$(Q)$(CC) $(HDL_LDFLAGS) -o $@ $(HEDDLECTL_OBJS) $(call link,$(CTL_ARCHIVES))

# what the pages of the reference are made from
REFERENCE_ARCHIVES := $(call archives,$(call closure,model))
$(BUILD)/tools/gen/reference: tools/gen/reference.c $(REFERENCE_ARCHIVES) $(BUILD)/flags
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HDL_CFLAGS) $(HDL_LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(call link,$(REFERENCE_ARCHIVES))

# --- tests -----------------------------------------------------------------------------------------------------------

# $(call test_rule,PROGRAM,SOURCE,ARCHIVES,ORDER-ONLY,EXTRA LIBS)
define test_rule
$1: $2 $3 $(BUILD)/flags | $4
	$$(say) TEST $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(HDL_CFLAGS) $$(HDL_LDFLAGS) -Itests -MMD -MP -MT $$@ -MF $$@.d -o $$@ $2 $5 $$(call link,$3)
endef

unit_archives = $(if $(filter heddled,$1),$(BUILD)/libheddled.a $(call archives,$(LAYERS)),$(call archives,$(call closure,$1)))
$(foreach t,$(wildcard tests/unit/*/test_*.c),$(eval $(call test_rule,$(BUILD)/$(t:.c=),$t,$(call \
	unit_archives,$(word 3,$(subst /, ,$t))),$(if $(filter dp heddled,$(word 3,$(subst /, ,$t))),$(SKELETON)),-lcmocka)))
$(foreach t,$(filter-out %.bpf.c,$(wildcard tests/bpf/*.c)),$(eval $(call test_rule,$(BUILD)/$(t:.c=),$t,$(call \
	archives,$(call closure,dp)),$(SKELETON) $(TEST_SKELETONS),-lcmocka)))
$(foreach d,$(PROGRAM_DIRS),$(foreach t,$(wildcard tests/$d/*.c),$(eval $(call test_rule,$(BUILD)/$(t:.c=),$t,$(call \
	archives,$(call closure,$($d_LAYERS))),$(if $(filter bench,$d),$(SKELETON)),-lcmocka))))

# A fuzz target is linked with the layers it includes.
fuzz_layers = $(call closure,$(shell sed -n 's|^\#include "\([a-z0-9]*\)/.*|\1|p' $1))
define fuzz_rule
$(BUILD)/fuzz/$1: tests/fuzz/$1.c $(call archives,$(call fuzz_layers,tests/fuzz/$1.c)) $(BUILD)/flags
	$$(say) FUZZ $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(HDL_CFLAGS) $$(HDL_LDFLAGS) -fsanitize=fuzzer,address,undefined -MMD -MP -MT $$@ -MF $$@.d -o $$@ $$< \
		$(call link,$(call archives,$(call fuzz_layers,tests/fuzz/$1.c)))
endef
fuzzers: $(FUZZERS)
	@:
ifeq ($(SANITIZE),fuzz)
$(foreach f,$(notdir $(FUZZERS)),$(eval $(call fuzz_rule,$f)))
endif

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
