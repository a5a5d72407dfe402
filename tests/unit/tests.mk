# tests/unit

if HAVE_CMOCKA
sandbox_tests = tests/unit/test_sandbox_audit tests/unit/test_sandbox_order
check_PROGRAMS += $(sandbox_tests)
TESTS += $(sandbox_tests)
tests_unit_test_sandbox_audit_SOURCES = tests/unit/test_sandbox_audit.c
tests_unit_test_sandbox_audit_LDADD = libsandbox.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_sandbox_order_SOURCES = tests/unit/test_sandbox_order.c
tests_unit_test_sandbox_order_LDADD = libsandbox.a libbase.a $(YAJL_LIBS) $(CMOCKA_LIBS)
endif
