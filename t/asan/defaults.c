/*
 * Settings of the sanitizers, linked into the instrumented nginx.  Variables
 * of the environment would not do: nginx clears it when it replaces its own
 * binary, and files of the checkout may be out of the workers' reach.
 */

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__ubsan_default_options(void);


const char *
__asan_default_options(void)
{
    return "detect_leaks=1:detect_stack_use_after_return=1";
}


const char *
__ubsan_default_options(void)
{
    return "print_stacktrace=1:halt_on_error=1";
}


/*
 * nginx's own: tables of a process that live as long as it does and are never
 * freed, and what PCRE allocates for regular expressions of the configuration.
 */
const char *
__lsan_default_suppressions(void)
{
    return "leak:ngx_event_process_init\n"
           "leak:ngx_regex_malloc\n"
           "leak:ngx_set_environment\n"
           "leak:ngx_init_setproctitle\n";
}
