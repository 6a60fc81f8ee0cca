# wahub: every build target.  `make help` lists them.
#
# BUILD is the output folder; give another one (make BUILD=/tmp/b lib) to
# build beside a running build.  NGX_SRC is an unpacked nginx source tree;
# without it the module is built against Debian's nginx-dev.

BUILD   ?= build
NGX_SRC ?=
VARIANT ?= plain

GEN     := $(BUILD)/gen
JOBS    ?= $(shell nproc)

# -- flags -----------------------------------------------------------------

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 \
	-Wvla -Wundef -Wcast-align -Wimplicit-fallthrough
WARN_LIB := $(WARN) -Wconversion -Wsign-conversion

INCS := -I$(GEN) -Iproto -Icore -isystem /usr/include/libxml2 \
	-isystem /usr/include/opus
BASE := -std=gnu11 -g -fPIC -fno-omit-frame-pointer
SAN  := -fsanitize=address,undefined -fno-sanitize-recover=undefined

ifeq ($(VARIANT),plain)
B   := $(BUILD)/lib
OPT := -O2
LD  :=
else ifeq ($(VARIANT),asan)
B   := $(BUILD)/asan-unit
OPT := -O1 $(SAN)
LD  := $(SAN)
else ifeq ($(VARIANT),cov)
B   := $(BUILD)/cov
OPT := -O0 --coverage
LD  := --coverage
else ifeq ($(VARIANT),clang)
B   := $(BUILD)/clang
CC  := clang
OPT := -O2
LD  :=
else ifeq ($(VARIANT),fuzz)
B   := $(BUILD)/fuzz
CC  := clang
OPT := -O1 -fsanitize=fuzzer-no-link $(SAN)
LD  := -fsanitize=fuzzer $(SAN)
else
$(error unknown VARIANT "$(VARIANT)")
endif

# protobuf-c comes first and static: libsignal-protocol-c exports an older
# copy of the same functions (see config).
LIBS := -Wl,-Bstatic -lprotobuf-c -Wl,-Bdynamic -lsignal-protocol-c -lwslay \
	-lsodium -lssl -lcrypto -ljansson -lqrencode -lpng -ljpeg -lwebp -lmagic \
	-lopusfile -lxml2 -lz -lsqlite3 -lpq -lm

ifeq ($(VARIANT),plain)
LIB := $(BUILD)/libwahub.a
else
LIB := $(B)/libwahub.a
endif

# -- files -----------------------------------------------------------------

SCHEMA  := $(wildcard proto/schema/*.proto)
PROTO_C := $(wildcard proto/*.c)
CORE_C  := $(wildcard core/*.c)
GLUE_C  := $(wildcard ngx_wahub/*.c)
GEN_C   := $(SCHEMA:proto/schema/%.proto=$(GEN)/%.pb-c.c)
GEN_H   := $(GEN_C:.c=.h)

LIB_O := $(PROTO_C:%.c=$(B)/%.o) $(CORE_C:%.c=$(B)/%.o) \
	 $(GEN_C:$(GEN)/%.c=$(B)/gen/%.o)

UNIT_C    := $(wildcard t/unit/test_*.c)
UNIT_HELP := $(patsubst %.c,$(B)/%.o,$(wildcard t/unit/wa_*.c))
UNIT_BIN  := $(UNIT_C:t/unit/%.c=$(B)/unit/%)

FUZZ_C     := $(wildcard t/fuzz/fuzz_*.c)
FUZZ_BIN   := $(FUZZ_C:t/fuzz/%.c=$(B)/%)
REPLAY_BIN := $(FUZZ_C:t/fuzz/fuzz_%.c=$(B)/replay_%)

TEST_DEF := -D_GNU_SOURCE -DWAHUB_VECTORS_DIR='"$(CURDIR)/t/vectors"'
RUN_ENV  := WAHUB_VECTORS='$(CURDIR)/t/vectors'

VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect \
	--show-leak-kinds=definite,indirect

ASAN_ENV := ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

.PHONY: module lib unit unit-bins bench-engine bench-project bench-history \
	bench-appstate bench-loop asan asan-unit \
	clang-lib valgrind coverage \
	compdb format check-format fuzz replay-bins fuzz-replay fuzz-bins \
	check check-layers check-headers check-warnings check-size \
	check-tokens check-architecture clean help \
	FORCE
.DELETE_ON_ERROR:
.SECONDARY:

# -- the module ------------------------------------------------------------

module:
	@BUILD='$(BUILD)' NGX_SRC='$(NGX_SRC)' JOBS='$(JOBS)' \
		tools/build-nginx.sh module

asan:
	@BUILD='$(BUILD)' NGX_SRC='$(NGX_SRC)' JOBS='$(JOBS)' \
		tools/build-nginx.sh asan

# -- the library: proto/ and core/, no nginx headers on the path -----------

lib: $(LIB)

clang-lib: $(GEN_H)
	$(MAKE) VARIANT=clang lib

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: proto/schema/%.proto
	@mkdir -p $(GEN)
	protoc-c --proto_path=proto/schema --c_out=$(GEN) $<

# The list of objects decides too: a removed source leaves the archive.
$(B)/objects.list: FORCE
	@mkdir -p $(B)
	@echo '$(LIB_O)' | cmp -s - $@ || echo '$(LIB_O)' > $@

$(LIB): $(LIB_O) $(B)/objects.list
	@rm -f $@.tmp
	@ar rcs $@.tmp $(LIB_O)
	@mv -f $@.tmp $@
	@echo "  AR      $@"

$(B)/proto/%.o: proto/%.c Makefile | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(OPT) $(WARN_LIB) $(INCS) -MMD -MP -c -o $@ $<

$(B)/core/%.o: core/%.c Makefile | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(OPT) $(WARN_LIB) $(INCS) -MMD -MP -c -o $@ $<

# Generated code is not ours to keep free of conversion warnings.
$(B)/gen/%.o: $(GEN)/%.c $(GEN)/%.h Makefile | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(OPT) -Wall -Werror $(INCS) -MMD -MP -c -o $@ $<

# -- unit tests ------------------------------------------------------------

$(B)/t/unit/%.o: t/unit/%.c Makefile | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(OPT) $(WARN) $(INCS) -It/unit $(TEST_DEF) -MMD -MP \
		-c -o $@ $<

$(B)/unit/%: $(B)/t/unit/%.o $(UNIT_HELP) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LD) -o $@ $< $(UNIT_HELP) $(LIB) $(LIBS) -lcmocka

unit-bins: $(UNIT_BIN)

# For profilers: see t/unit/bench_engine.c.
bench-engine: $(B)/unit/bench_engine

# For ./wahub bench project.
bench-project: $(B)/unit/bench_project

# For ./wahub bench history.
bench-history: $(B)/unit/bench_history

# For ./wahub bench appstate: it stops the time of the engine's verbs.
bench-appstate: $(B)/unit/bench_appstate

$(B)/unit/bench_appstate: LD += $(foreach v,feed complete expire \
	next,-Wl,--wrap=wa_account_$(v))

bench-loop: $(B)/bench/loop_time.so

# What is loaded into servers to watch or to hinder them.
define shim
@mkdir -p $(@D)
@echo "  CC      $<"
@$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARN) -shared -fPIC -o $@ $<
endef

$(B)/bench/%.so: t/bench/%.c Makefile
	$(shim)

$(B)/e2e/%.so: t/e2e/lib/%.c Makefile
	$(shim)

unit: unit-bins
	@$(RUN_ENV) tools/run-unit.sh unit $(UNIT_BIN)

asan-unit: $(GEN_H)
	@$(MAKE) --no-print-directory VARIANT=asan unit-bins
	@$(RUN_ENV) $(ASAN_ENV) tools/run-unit.sh asan-unit \
		$(UNIT_C:t/unit/%.c=$(BUILD)/asan-unit/unit/%)

valgrind: unit-bins
	@$(RUN_ENV) WAHUB_UNIT_WRAP='$(VALGRIND)' WAHUB_UNIT_TIMEOUT=600 \
		tools/run-unit.sh valgrind $(UNIT_BIN)

coverage: $(GEN_H)
	@$(MAKE) --no-print-directory VARIANT=cov unit-bins
	@find $(BUILD)/cov -name '*.gcda' -delete
	@$(RUN_ENV) tools/run-unit.sh coverage \
		$(UNIT_C:t/unit/%.c=$(BUILD)/cov/unit/%)
	@lcov -q -c -d $(BUILD)/cov -o $(BUILD)/cov/all.info
	@lcov -q -e $(BUILD)/cov/all.info '$(CURDIR)/proto/*' \
		'$(CURDIR)/core/*' -o $(BUILD)/cov/wahub.info
	@lcov --list $(BUILD)/cov/wahub.info

# -- fuzzing ---------------------------------------------------------------

$(B)/t/fuzz/%.o: t/fuzz/%.c Makefile | $(GEN_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(OPT) $(WARN) $(INCS) -MMD -MP -c -o $@ $<

ifeq ($(VARIANT),fuzz)
$(B)/fuzz_%: $(B)/t/fuzz/fuzz_%.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(LD) -o $@ $< $(LIB) $(LIBS)
endif

$(B)/replay_%: $(B)/t/fuzz/fuzz_%.o $(B)/t/fuzz/replay_main.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(LD) -o $@ $< $(B)/t/fuzz/replay_main.o $(LIB) $(LIBS)

fuzz-bins: $(FUZZ_BIN)
replay-bins: $(REPLAY_BIN)

fuzz: $(GEN_H)
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzz-bins

fuzz-replay: $(GEN_H)
	@$(MAKE) --no-print-directory VARIANT=asan replay-bins
	@$(ASAN_ENV) tools/run-replay.sh \
		$(FUZZ_C:t/fuzz/fuzz_%.c=$(BUILD)/asan-unit/replay_%)

# -- gates -----------------------------------------------------------------

check: check-layers check-headers check-warnings check-size check-tokens \
	check-architecture

check-layers:
	@tools/check-layers

check-headers: $(GEN_H)
	@BUILD='$(BUILD)' CC='$(CC)' INCS='$(INCS)' tools/check-headers

check-warnings: $(GEN_H)
	@BUILD='$(BUILD)' WARN='$(WARN)' WARN_LIB='$(WARN_LIB)' \
		INCS='$(INCS)' tools/check-warnings

check-size:
	@tools/check-size

check-tokens:
	@tools/gen-token --check

check-architecture:
	@tools/check-architecture

compdb: $(GEN_H)
	@BUILD='$(BUILD)' CC='$(CC)' LIB_FLAGS='$(BASE) -O2 $(WARN_LIB) $(INCS)' \
		tools/compdb.sh > compile_commands.json
	@echo "compile_commands.json"

format:
	@tools/format

check-format:
	@tools/format --check

clean:
	rm -rf $(BUILD)

help:
	@echo "make              the module: $(BUILD)/ngx_http_wahub_module.so"
	@echo "make lib          $(BUILD)/libwahub.a (proto/ and core/)"
	@echo "make unit         unit tests (asan-unit, valgrind, coverage too)"
	@echo "make asan         $(BUILD)/asan/nginx with the module inside"
	@echo "make fuzz         fuzz targets (libFuzzer); fuzz-replay: corpora"
	@echo "make check        layers, headers, sizes, generated tables"
	@echo "make format       clang-format (check-format: only look)"
	@echo "make compdb       compile_commands.json"
	@echo "make clean        remove $(BUILD)"

-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
