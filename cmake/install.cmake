# Install rules, package files and CPack. CPack is for the shared library; a static one is installed with the names of its dependencies
# (cmake/static_dependencies.cmake).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(cmake/static_dependencies.cmake)

if(BUILD_SHARED_LIBS)
  # What leaves the library: the public classes and functions, not the standard library's instantiations.
  target_link_options(segpref PRIVATE "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/segpref.map")
  set_target_properties(segpref PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/segpref.map)
endif()

if(PROJECT_IS_TOP_LEVEL OR BUILD_SHARED_LIBS)  # a static segpref inside another project is a part of that project
  install(TARGETS segpref EXPORT segprefTargets)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/segpref DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)  # the name that Debian looks for
  install(EXPORT segprefTargets NAMESPACE segpref:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/segpref)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/segprefConfig.cmake.in ${PROJECT_BINARY_DIR}/segprefConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/segpref)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/segprefConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/segprefConfig.cmake ${PROJECT_BINARY_DIR}/segprefConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/segpref)
  # Paths relative to the file itself, so that an installed tree may be moved.
  file(RELATIVE_PATH SEGPREF_PC_INCLUDE /${CMAKE_INSTALL_LIBDIR}/pkgconfig /${CMAKE_INSTALL_INCLUDEDIR})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/segpref.pc.in ${PROJECT_BINARY_DIR}/segpref.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/segpref.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  if(SEGPREF_BUILD_APPS)
    install(TARGETS segpref_command)
  endif()
endif()

if(BUILD_SHARED_LIBS)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME segpref)
  set(CPACK_PACKAGE_CONTACT "segpref developers")
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libdlpack-dev)  # for segpref.h
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  include(CPack)
endif()
