/* Read before every compiled module: what mypyc's code calls only when an exception is raised. Each operation may raise; what leads
   to a call that the compiler knows to be cold is taken out of the way of what runs for every exchange. */
#include <Python.h>
#include "CPy.h"

__attribute__((cold)) void CPy_AddTraceback(const char *filename, const char *funcname, int line, PyObject *globals);
__attribute__((cold)) void CPy_TypeErrorTraceback(const char *filename, const char *funcname, int line,
                                                  PyObject *globals, const char *expected, PyObject *value);
__attribute__((cold)) void CPy_TypeError(const char *expected, PyObject *value);
__attribute__((cold)) void CPy_AttributeError(const char *filename, const char *funcname, const char *classname,
                                              const char *attrname, int line, PyObject *globals);
__attribute__((cold)) void CPyError_OutOfMemory(void);
