/* Makes a compiled module of pyopenpose.py, linked with the stand-in for OpenPose's library. */
#include <Python.h>

#include "source.h" /* the text of pyopenpose.py, made by CMake */

int openpose_stand_in(void);

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "pyopenpose", NULL, -1, NULL};

PyMODINIT_FUNC PyInit_pyopenpose(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module == NULL || openpose_stand_in() != 1) return NULL;
  PyObject *names = PyModule_GetDict(module);
  PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
  PyObject *done = PyRun_String(source, Py_file_input, names, names);
  if (done == NULL) return NULL;
  Py_DECREF(done);
  return module;
}
